-- The client companies of an organization.
create table customers (
    org_id text not null,
    id text not null,
    name text not null,
    email text,
    notes text,
    -- What a search looks at: name and address in lower case.
    searched text not null,
    created_ms bigint not null,
    updated_ms bigint not null,
    primary key (org_id, id)
);
create index customers_newest on customers (org_id, created_ms desc, id desc);

-- Which staff member looks after which customer.
create table assignments (
    org_id text not null,
    id text not null,
    customer_id text not null,
    user_id text not null,
    created_ms bigint not null,
    primary key (org_id, id),
    unique (org_id, customer_id, user_id),
    foreign key (org_id, customer_id) references customers (org_id, id)
);
create index assignments_of on assignments (org_id, user_id, customer_id);
