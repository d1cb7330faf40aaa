--liquibase formatted sql

--changeset outbox:0008-generation logicalFilePath:db/changelog/0008-fence.sql
create table outbox.generation (
    subscription text not null,
    last bigint not null,
    constraint generation_pkey primary key (subscription)
);
comment on table outbox.generation is 'The highest generation that was removed from outbox.checkpoint, for each name. Generations of a name never start again, so these rows stay when the subscription goes.';
comment on column outbox.generation.last is 'A first checkpoint of that name gets a higher one.';
--rollback drop table outbox.generation;

--changeset outbox:0008-checkpoint-kept logicalFilePath:db/changelog/0008-fence.sql
create trigger removed after delete on outbox.checkpoint
    referencing old table as removed
    for each statement execute function outbox.checkpoint__removed();
create trigger emptied before truncate on outbox.checkpoint
    for each statement execute function outbox.checkpoint__removed();
create trigger renamed after update on outbox.checkpoint
    referencing old table as previous new table as changed
    for each statement execute function outbox.checkpoint__renamed();
--rollback drop trigger renamed on outbox.checkpoint; drop trigger emptied on outbox.checkpoint; drop trigger removed on outbox.checkpoint;

--changeset outbox:0008-checkpoint-comment logicalFilePath:db/changelog/0008-fence.sql
comment on table outbox.checkpoint is 'What a subscription has done: appended, never updated. The highest generation counts. One is stored only on top of the one before it, which has to be there and the last: that is the fence that a stale leader runs into.';
--rollback comment on table outbox.checkpoint is 'What a subscription has done: appended, never updated. The highest generation counts; its primary key is the fence that a stale leader runs into.';
