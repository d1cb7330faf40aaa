--liquibase formatted sql

--changeset outbox:checkpoint__late logicalFilePath:db/changelog/routines/checkpoint__late.sql runOnChange:true splitStatements:false stripComments:false
-- The transactions whose events may still appear below the highest id that is visible in the snapshot: those in its list, and
-- those between its xmax and the barrier, which was drawn after it was taken.
create or replace function outbox.late(snapshot pg_snapshot, barrier xid8) returns setof xid8
    language sql immutable parallel safe
as $$
    select tx from pg_catalog.pg_snapshot_xip(snapshot) tx
    union all
    select n::text::xid8
    from pg_catalog.generate_series(
        pg_catalog.pg_snapshot_xmax(snapshot)::text::bigint, barrier::text::bigint - 1) n
$$;
--rollback drop function outbox.late(pg_snapshot, xid8);
