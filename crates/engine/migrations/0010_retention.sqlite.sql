-- Each way in which a job ends is kept for a time of its own: a pass reads the rows that it deletes and no others.
drop index if exists jobs_finished;
create index jobs_done on jobs (finished_ms) where kind <> 'event' and state in ('processed', 'cancelled');
create index jobs_dead on jobs (finished_ms) where kind <> 'event' and state = 'dead';

-- What finds limits that nothing runs by any more.
create index throttles_opened on throttles (opens_at);

-- An event waits only while it is unresolved. What was handled by hand, or by another of its keys, waits no more.
delete from route_waits where seq not in (select seq from jobs where state = 'unresolved');
create index route_waits_of on route_waits (seq);

-- Walks that began anew each time are replaced by walks that see each event once.
delete from cursors where name = 'inbox_bodies';

-- Organizations that are closed and being erased, and a line for each that was.
create table erasures (
    id text primary key,
    -- Null once nothing names it any more.
    organization text,
    -- The SHA-256 of its id: whoever knows the id can find the line.
    fingerprint text not null,
    -- The role of who asked for it.
    requested_by text not null,
    requested_ms bigint not null,
    -- Where the erasure stands: the step, and how far in it.
    step text not null default '',
    position bigint not null default 0,
    rounds bigint not null default 0,
    -- Steps that are done, and of how many.
    steps_done bigint not null default 0,
    steps_total bigint not null default 0,
    rows_erased bigint not null default 0,
    -- Its accounts at vendors, as JSON, while its events are looked for.
    accounts text,
    erased_ms bigint
);
create unique index erasures_of on erasures (organization) where organization is not null;

-- Tables that nobody deletes from have a trigger that looks here. There is a row only within a transaction that may.
create table removals_allowed (
    name text primary key
);
