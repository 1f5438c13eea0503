-- The tenants. These two tables belong to the installation: no organization's transaction reads another's row by them,
-- because only the installation's own commands do.
create table organizations (
    id text primary key,
    name text not null,
    created_ms bigint not null
);

-- What other systems call an organization. Vendors' metadata name it without saying whose name it is, so that one name
-- leads to one organization, whichever system gave it.
create table organization_names (
    external_id text primary key,
    provider text not null,
    organization text not null references organizations (id)
);
create index organization_names_of on organization_names (organization);
