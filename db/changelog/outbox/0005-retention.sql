--liquibase formatted sql

--changeset outbox:0005-cluster logicalFilePath:db/changelog/0005-retention.sql
create table outbox.cluster (
    singleton boolean not null default true,
    system_identifier bigint not null,
    since timestamptz not null default clock_timestamp(),
    constraint cluster_pkey primary key (singleton),
    constraint cluster_singleton_check check (singleton)
);
insert into outbox.cluster (system_identifier) select system_identifier from pg_control_system();
comment on table outbox.cluster is 'The cluster that the transaction ids of events and checkpoints belong to. If the server says another one, they were restored from a dump and are converted before they are used.';
comment on column outbox.cluster.since is 'When the schema was made here, or converted.';
--rollback drop table outbox.cluster;

--changeset outbox:0005-partitions logicalFilePath:db/changelog/0005-retention.sql
comment on table outbox.event_default is 'Events beyond the last partition that was made; empty in normal life.';
--rollback comment on table outbox.event_default is 'Events beyond the last partition that was made.';
