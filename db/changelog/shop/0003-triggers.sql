--liquibase formatted sql

--changeset outbox:0003-orders-guard logicalFilePath:db/changelog/0003-triggers.sql
create trigger guard before update on orders
    for each row when (old.* is distinct from new.*) execute function orders__guard();
--rollback drop trigger guard on orders;

--changeset outbox:0003-orders-capture logicalFilePath:db/changelog/0003-triggers.sql
create constraint trigger capture_insert after insert on orders
    deferrable initially deferred
    for each row execute function orders__capture();
create constraint trigger capture_update after update on orders
    deferrable initially deferred
    for each row when (old.status is distinct from new.status) execute function orders__capture();
--rollback drop trigger capture_update on orders; drop trigger capture_insert on orders;
