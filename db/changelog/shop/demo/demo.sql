--liquibase formatted sql

--changeset outbox:demo-clients logicalFilePath:db/changelog/demo/demo.sql context:demo
insert into clients (id, name, email)
select n, 'Client ' || n, 'client' || n || '@example.com'
from generate_series(1, 10) n;

insert into fulfillment_fees (client_id, rate, currency)
select id, 100 + 25 * id, currency
from clients where id <= 10;

-- Ten items a client, every fifth one: items 1 to 50 are those of clients 1 to 5, items 51 to 100 those of clients 6 to 10.
-- Item 4 is the first of client 2, item 9 its second.
insert into items (id, client_id, name, description, price, currency)
select n, c.id, 'Item ' || n, 'Item ' || (n - 1) / 5 % 10 + 1 || ' of ' || c.name, 199 + n * 7919 % 9800, c.currency
from generate_series(1, 100) n
join clients c on c.id = (n + 2) % 5 + 1 + 5 * ((n - 1) / 50);

-- Every sixth item costs extra.
insert into item_fees (item_id, kind, rate)
select n, (array['heavy', 'large', 'fragile'])[n / 6 % 3 + 1], 50 + n * 31 % 200
from generate_series(6, 100, 6) n;

select setval(pg_get_serial_sequence('clients', 'id'), 10), setval(pg_get_serial_sequence('items', 'id'), 100);
--rollback delete from item_fees; delete from fulfillment_fees; delete from items; delete from clients;

--changeset outbox:demo-orders logicalFilePath:db/changelog/demo/demo.sql context:demo
--validCheckSum: ANY
-- As many as outbox.demo.orders says when they are loaded. Loading is no change of an order: it makes no events.
-- Foreign keys and second indexes are made again when all rows are there, in a quarter of the time that checks row by row take.
alter table orders disable trigger user;
alter table order_items
    drop constraint order_items_pkey,
    drop constraint order_items_order_id_client_id_fkey,
    drop constraint order_items_item_id_client_id_fkey;
alter table orders drop constraint orders_client_id_fkey;
drop index order_items_item_id_client_id_idx, orders_client_id_id_idx;

insert into orders (id, client_id, status)
select n, (n - 1) % 10 + 1, case when n % 10 = 0 then 'backorder' else 'created' end
from generate_series(1, ${demo-orders}) n;

-- One to five different items of the order's own client, whose first is (client_id + 1) % 5 + 1, or 50 more.
insert into order_items (order_id, item_id, client_id)
select o.id, (o.client_id + 1) % 5 + 1 + 50 * ((o.client_id - 1) / 5) + 5 * ((o.id / 10 + 3 * i) % 10), o.client_id
from orders o
cross join lateral generate_series(1, o.id * 7 % 5 + 1) i
where o.id <= ${demo-orders};

create index orders_client_id_id_idx on orders (client_id, id);
create index order_items_item_id_client_id_idx on order_items (item_id, client_id);
alter table orders add constraint orders_client_id_fkey foreign key (client_id) references clients (id);
alter table order_items
    add constraint order_items_pkey primary key (order_id, item_id),
    add constraint order_items_order_id_client_id_fkey foreign key (order_id, client_id) references orders (id, client_id),
    add constraint order_items_item_id_client_id_fkey foreign key (item_id, client_id) references items (id, client_id);
alter table orders enable trigger user;

select setval(pg_get_serial_sequence('orders', 'id'), greatest(${demo-orders}, 1), ${demo-orders} > 0);
analyze;
--rollback alter table orders disable trigger user; delete from charges; delete from order_items; delete from orders; alter table orders enable trigger user;
