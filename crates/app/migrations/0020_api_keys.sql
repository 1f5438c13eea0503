-- Keys that programs show. What is shown is kept nowhere: only its SHA-256.
create table api_keys (
    org_id text not null,
    id text not null,
    name text not null,
    role text not null,
    -- JSON: the operations it may call; an empty list is all that its role allows.
    scopes text not null,
    hash text not null,
    -- While it is rotated: the hash before, and until when that is good too.
    previous_hash text,
    previous_until_ms bigint,
    -- The last characters of what is shown, so that people tell keys apart.
    hint text not null,
    created_ms bigint not null,
    created_by text,
    expires_ms bigint,
    revoked_ms bigint,
    last_used_ms bigint,
    primary key (org_id, id)
);

-- Which organization a key belongs to, before anybody knows whose rows may be read. It says nothing of what a key is worth.
create table api_key_hashes (
    hash text primary key,
    organization text not null,
    api_key text not null
);
create index api_key_hashes_of on api_key_hashes (api_key);
