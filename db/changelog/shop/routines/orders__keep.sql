--liquibase formatted sql

--changeset outbox:orders__keep logicalFilePath:db/changelog/routines/orders__keep.sql runOnChange:true splitStatements:false stripComments:false
-- TRUNCATE tells no trigger which rows there were, so there would be no events of them.
create or replace function orders__keep() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'orders can''t be truncated: nobody would hear of it'
        using errcode = 'feature_not_supported', hint = 'Delete the rows: each makes an event.';
end
$$;
revoke execute on function orders__keep() from public;
--rollback drop function orders__keep();
