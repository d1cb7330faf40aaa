--liquibase formatted sql

--changeset outbox:event__ring logicalFilePath:db/changelog/routines/event__ring.sql runOnChange:true splitStatements:false stripComments:false
-- The bell, rung at commit, and only if somebody sleeps: every transaction that notifies takes one lock of the whole
-- cluster at its commit, so commits that all ring would go one at a time.
--
-- A sleeper holds the advisory lock (11311, 1) in share mode. If this session can have it alone for an instant, nobody sleeps.
-- Advisory locks are not under MVCC, so the answer is right for REPEATABLE READ writers too.
-- Silent as well while the queue of notifications is half full, since a full queue fails the writer's commit; and where
-- a session says so (set outbox.ring = off), since NOTIFY makes PREPARE TRANSACTION fail.
create or replace function outbox.event__ring() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('outbox.ring', true) is not distinct from 'off' then
        return null;
    end if;
    if pg_try_advisory_lock(11311, 1) and pg_advisory_unlock(11311, 1) then
        return null;
    end if;
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify('outbox', '');
    end if;
    return null;
end
$$;
--rollback drop function outbox.event__ring();
