--liquibase formatted sql

--changeset outbox:checkpoint__is_done logicalFilePath:db/changelog/routines/checkpoint__is_done.sql runOnChange:true splitStatements:false stripComments:false
-- Whether an event (tx, id) is done for a reader with this position: visible in the snapshot that is done; or, in the
-- window that is being read, visible in its end and not behind the last id. Null if there is no position.
-- Without SET, so that queries inline it.
create or replace function outbox.is_done(done pg_snapshot, target pg_snapshot, last bigint, tx xid8, id bigint) returns boolean
    language sql immutable parallel safe
as $$
    select pg_catalog.pg_visible_in_snapshot(tx, done)
        or (target is not null and id <= last and pg_catalog.pg_visible_in_snapshot(tx, target))
$$;
--rollback drop function outbox.is_done(pg_snapshot, pg_snapshot, bigint, xid8, bigint);
