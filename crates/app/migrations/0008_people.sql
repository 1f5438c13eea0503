-- People who sign in. They belong to the installation: one person may belong to several organizations.
create table users (
    id text primary key,
    -- Empty where no issuer vouches for one.
    email text not null,
    first_name text,
    last_name text,
    picture text,
    created_ms bigint not null,
    updated_ms bigint not null
);

-- Who a token's issuer and subject are.
create table user_subjects (
    issuer_subject text primary key,
    user_id text not null references users (id)
);
create index user_subjects_of on user_subjects (user_id);

-- In which organizations somebody may be, so that the organization is found before its transaction begins. What they
-- are there, and whether they still are, say `members` alone.
create table memberships_index (
    user_id text not null,
    organization text not null,
    joined_ms bigint not null,
    primary key (user_id, organization)
);

-- What somebody is in an organization.
create table members (
    org_id text not null,
    user_id text not null,
    role text not null,
    -- Whose person a client is.
    customer_id text,
    joined_ms bigint not null,
    updated_ms bigint not null,
    -- Since when they are no more. The row is kept, so that they can come back.
    removed_ms bigint,
    primary key (org_id, user_id)
);
create index members_of_customer on members (org_id, customer_id) where customer_id is not null;

-- Admins who act as somebody else.
create table impersonations (
    org_id text not null,
    user_id text not null,
    target_id text not null,
    started_ms bigint not null,
    ends_ms bigint not null,
    primary key (org_id, user_id)
);
