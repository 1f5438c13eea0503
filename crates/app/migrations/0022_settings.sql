-- What an organization chose, as JSON; what it did not choose is not in it.
create table organization_settings (
    org_id text not null primary key,
    value text not null,
    updated_ms bigint not null
);
