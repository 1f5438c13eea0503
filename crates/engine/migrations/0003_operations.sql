-- Mutations that were answered, so that a client that lost the answer gets the same one again.
create table replays (
    -- A session of the live protocol, or rest.
    session text not null,
    -- The number of the request there, or an idempotency key.
    request text not null,
    -- Whose call it was: nobody else gets the answer.
    party text not null,
    operation text not null,
    -- A hash of the arguments.
    arguments text not null,
    output text not null,
    ts bigint not null,
    keep_until_ms bigint not null,
    primary key (session, request)
);
create index replays_old on replays (keep_until_ms);

-- What the installation made up for itself at its first start, the same on all nodes.
create table installation (
    name text primary key,
    value text not null
);
