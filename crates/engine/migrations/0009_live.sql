-- The newest transaction of which a row of changes was deleted: a node that has not read that far has missed commits.
-- PostgreSQL only; SQLite has one node.
create table deleted_changes (
    one bigint primary key,
    xid bigint not null
);
