-- What is on sale, as vendors tell of it. It belongs to the installation.
create table billing_products (
    provider text not null,
    product_id text not null,
    name text,
    max_customers bigint,
    max_staff bigint,
    max_clients bigint,
    -- How new this is; what is older changes nothing.
    watermark_ms bigint not null,
    primary key (provider, product_id)
);

-- What organizations pay for: the newest version of each subscription, and what follows from it.
create table subscriptions (
    org_id text not null,
    id text not null,
    provider text not null,
    external_id text not null,
    -- The version, whose order is that of its columns: see the model.
    ended bigint not null,
    watermark_ms bigint not null,
    step bigint not null,
    reported_status text not null,
    vendor_status text not null,
    customer_id text,
    product_id text,
    price_id text,
    plan_name text,
    period_start_ms bigint,
    period_end_ms bigint,
    trial_end_ms bigint,
    cancel_at_period_end bigint not null,
    ends_ms bigint,
    max_customers bigint,
    max_staff bigint,
    max_clients bigint,
    -- What it comes to, once the customer's newest snapshot is heard too.
    status text not null,
    ended_by_snapshot_ms bigint,
    created_ms bigint not null,
    primary key (org_id, id),
    unique (org_id, provider, external_id)
);
create index subscriptions_of on subscriptions (org_id, provider, customer_id);

-- The newest snapshot of each customer: which of their subscriptions run.
create table billing_snapshots (
    org_id text not null,
    provider text not null,
    customer_id text not null,
    taken_ms bigint not null,
    -- Their ids, as a JSON list.
    running text not null,
    primary key (org_id, provider, customer_id)
);
