--liquibase formatted sql

--changeset outbox:0013-identity logicalFilePath:db/changelog/0013-identity.sql
create table outbox.identity (
    singleton boolean not null default true,
    id uuid not null default gen_random_uuid(),
    fence bigint not null default 0,
    constraint identity_pkey primary key (singleton),
    constraint identity_singleton_check check (singleton)
);
insert into outbox.identity default values;
comment on table outbox.identity is 'Which log this is. It goes along with dumps and restores: leave it alone.';
comment on column outbox.identity.id is 'Part of the uid of each event, so that no two outboxes give out the same.';
comment on column outbox.identity.fence is 'The highest fencing token that a leader of any subscription was given.';
--rollback drop table outbox.identity;
