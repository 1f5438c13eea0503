-- People who write to an organization.
create table contacts (
    org_id text not null,
    id text not null,
    name text,
    -- When the name was current: an older message does not bring an older name back.
    name_ms bigint not null default 0,
    -- The contact that this one turned out to be. Merged contacts are kept, so that the merge can be undone.
    merged_into text,
    created_ms bigint not null,
    primary key (org_id, id)
);
create index contacts_newest on contacts (org_id, created_ms desc, id desc) where merged_into is null;

-- What a contact is called on a channel, now and in the past.
create table contact_identities (
    org_id text not null,
    id text not null,
    contact_id text not null,
    channel text not null,
    -- bsuid, parent_bsuid, phone, username
    kind text not null,
    value text not null,
    valid_from_ms bigint not null,
    valid_to_ms bigint,
    primary key (org_id, id),
    foreign key (org_id, contact_id) references contacts (org_id, id)
);
-- A name is one person's at a time.
create unique index contact_identities_now on contact_identities (org_id, channel, kind, value)
    where valid_to_ms is null;
create index contact_identities_past on contact_identities (org_id, channel, kind, value, valid_to_ms);
create index contact_identities_of on contact_identities (org_id, contact_id);

-- Two contacts that were found to be one person.
create table contact_merges (
    org_id text not null,
    id text not null,
    kept_id text not null,
    merged_id text not null,
    merged_ms bigint not null,
    undone_ms bigint,
    primary key (org_id, id)
);
create index contact_merges_of on contact_merges (org_id, kept_id);

-- What a merge moved, and from where.
create table contact_merge_items (
    org_id text not null,
    merge_id text not null,
    -- identity, conversation, message
    kind text not null,
    item_id text not null,
    from_id text not null,
    primary key (org_id, merge_id, kind, item_id)
);
