--liquibase formatted sql

--changeset outbox:0011-event-refuse logicalFilePath:db/changelog/0011-rights.sql
create trigger refuse before insert on outbox.event
    for each row when (
        new.tx <> pg_current_xact_id()
        or new.id > coalesce(pg_sequence_last_value('outbox.event_id_seq'), 0)
        or pg_column_size(new.payload) > 16777216
        or pg_column_size(new.headers) > 16777216
        or octet_length(new.aggregate_type) > 1000
        or octet_length(new.aggregate_id) > 1000
        or octet_length(new.type) > 1000)
    execute function outbox.event__refuse();
--rollback drop trigger refuse on outbox.event;

--changeset outbox:0011-execute logicalFilePath:db/changelog/0011-rights.sql splitStatements:false
--validCheckSum: ANY
-- Whoever may execute a capturing function can hang it on a table of his own, and forge events.
revoke execute on all functions in schema outbox from public;
--rollback grant execute on all functions in schema outbox to public;

--changeset outbox:0011-insert logicalFilePath:db/changelog/0011-rights.sql splitStatements:false
-- Who was granted INSERT on all columns could set tx and id.
do $$
declare
    writer record;
begin
    for writer in
        select case when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end as name, acl.is_grantable
        from pg_class c
        cross join aclexplode(c.relacl) acl
        where c.oid = 'outbox.event'::regclass and acl.privilege_type = 'INSERT' and acl.grantee <> c.relowner
    loop
        execute format('revoke insert on outbox.event from %s cascade', writer.name);
        execute format('grant insert (aggregate_type, aggregate_id, type, payload, headers) on outbox.event to %s%s',
            writer.name, case when writer.is_grantable then ' with grant option' else '' end);
    end loop;
end
$$;
--rollback empty
