--liquibase formatted sql

--changeset outbox:0003-event-ring
create trigger ring after insert on outbox.event
    for each statement execute function outbox.event__ring();
--rollback drop trigger ring on outbox.event;

--changeset outbox:0003-orders-guard
create trigger guard before update on orders
    for each row when (old.* is distinct from new.*) execute function orders__guard();
--rollback drop trigger guard on orders;

--changeset outbox:0003-orders-capture
create constraint trigger capture_insert after insert on orders
    deferrable initially deferred
    for each row execute function orders__capture();
create constraint trigger capture_update after update on orders
    deferrable initially deferred
    for each row when (old.status is distinct from new.status) execute function orders__capture();
--rollback drop trigger capture_update on orders; drop trigger capture_insert on orders;
