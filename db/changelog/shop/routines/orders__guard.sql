--liquibase formatted sql

--changeset outbox:orders__guard logicalFilePath:db/changelog/routines/orders__guard.sql runOnChange:true splitStatements:false stripComments:false
-- Holds for every client of the table: a final status stays, and each change counts.
create or replace function orders__guard() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if old.status in ('shipped', 'canceled') and new.status <> old.status then
        raise exception 'order % is %, which is final', old.id, old.status
            using errcode = 'check_violation', constraint = 'orders_status_final';
    end if;
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
end
$$;
-- Whoever may execute it could hang it on a table of his own.
revoke execute on function orders__guard() from public;
--rollback drop function orders__guard();
