create table items (
    org_id text not null,
    id text not null,
    tag text not null,
    text text not null,
    n bigint not null,
    primary key (org_id, id)
);
create index items_by_n on items (org_id, n, id);
create index items_by_tag on items (org_id, tag, n, id);

-- Values by name, as JSON.
create table pairs (
    org_id text not null,
    key text not null,
    value text not null,
    primary key (org_id, key)
);
