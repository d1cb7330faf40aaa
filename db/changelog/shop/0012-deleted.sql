--liquibase formatted sql

--changeset outbox:0012-orders-deleted logicalFilePath:db/changelog/0012-deleted.sql
create constraint trigger capture_delete after delete on orders
    deferrable initially deferred
    for each row execute function orders__capture();
create trigger keep before truncate on orders
    for each statement execute function orders__keep();
comment on table orders is 'An order of a client. Every change of status makes an event, and so does the end of an order, whoever makes it. It can''t be truncated.';
--rollback drop trigger keep on orders; drop trigger capture_delete on orders;
--rollback comment on table orders is 'An order of a client. Every change of status makes an event, whoever makes it.';
