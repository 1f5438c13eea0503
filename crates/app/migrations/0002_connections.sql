-- An organization's accounts at vendors.
create table connections (
    org_id text not null,
    id text not null,
    provider text not null,
    -- The account as the vendor names it in events: a phone number id.
    account text not null,
    name text not null,
    created_ms bigint not null,
    primary key (org_id, id),
    unique (org_id, provider, account)
);
