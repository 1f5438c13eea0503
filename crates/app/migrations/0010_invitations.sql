-- People who were asked to join.
create table invitations (
    org_id text not null,
    id text not null,
    -- In lower case.
    email text not null,
    role text not null,
    customer_id text,
    -- Who asked; empty where that was no person.
    inviter_id text,
    created_ms bigint not null,
    expires_ms bigint not null,
    -- Since when it is no longer open: accepted, revoked, or replaced after it expired.
    ended_ms bigint,
    primary key (org_id, id)
);
create unique index invitations_open on invitations (org_id, email) where ended_ms is null;

-- Where open invitations are, so that the organization is found before its transaction begins.
create table invitations_index (
    invitation_id text primary key,
    organization text not null,
    email text not null,
    created_ms bigint not null,
    expires_ms bigint not null
);
create index invitations_index_by_email on invitations_index (email, created_ms);
