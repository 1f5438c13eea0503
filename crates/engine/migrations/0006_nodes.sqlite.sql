-- The processes that work on this database. A node that ends takes its row with it; that of one that died goes when others
-- take over what it held.
create table nodes (
    -- A process that lost its lease comes back under another number.
    node integer primary key autoincrement,
    -- Where it runs: host and process.
    name text not null,
    -- Its version.
    release text not null,
    started_ms bigint not null,
    -- Until when it is taken for alive, by the database's clock.
    lease_until_ms bigint not null,
    -- What its handlers know: {"jobs": {"kind": version}, "providers": {"provider": version}}
    knows text not null
);

-- Which node runs it. The lease is the node's; lease_ms is what releases before this one wrote.
alter table jobs add column node bigint;
