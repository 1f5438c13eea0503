-- The queue: one row for each thing that is to be done once, whatever happens.
create table jobs (
    -- The order of arrival, and the public id in another spelling.
    seq integer primary key autoincrement,
    -- What it is: the name of a job, or event.
    kind text not null,
    -- The version of the payload, for jobs that outlive a release.
    version bigint not null default 1,
    -- Whose share of the workers it takes: an organization, or an account at a vendor.
    tenant text not null default '',
    -- The organization it belongs to, where that is known.
    organization text,
    -- The same number means the same job: a hash of its key.
    dedupe bigint,
    -- Jobs of one lane run one at a time, in the order of their numbers.
    lane text,
    -- scheduled, ready, suspect, running; then processed, ignored, unresolved, dead or cancelled.
    state text not null,
    -- When its turn is, in microseconds; null when there is nothing left to do.
    rank bigint,
    attempts bigint not null default 0,
    max_attempts bigint not null,
    -- Starts since it last ended in any way: more than one means that it took the process with it.
    starts bigint not null default 0,
    -- Who runs it, and until when that is believed.
    claim bigint,
    lease_ms bigint,
    created_ms bigint not null,
    finished_ms bigint,
    error text,
    -- {"done": 3, "total": 10}
    progress text,
    payload text
);
create unique index jobs_dedupe on jobs (dedupe);
-- The queue. Finished jobs are not in it.
create index jobs_open on jobs (state, rank) where rank is not null;
create index jobs_lane on jobs (lane, seq) where lane is not null and rank is not null;
-- For those who look for trouble, and for retention.
create index jobs_trouble on jobs (state, seq) where state in ('dead', 'unresolved');
create index jobs_finished on jobs (finished_ms) where kind <> 'event' and finished_ms is not null;

-- What vendors sent. A row is written once, with its job of the same number; retention empties the body.
create table inbox_events (
    seq integer primary key,
    provider text not null,
    connection text not null,
    external_id text not null,
    kind text not null,
    account text,
    occurred_ms bigint,
    received_ms bigint not null,
    headers text,
    body blob
);

-- Which organization a name in a vendor's world belongs to: 'whatsapp:phone:1234', 'stripe:customer:cus_1'.
create table routes (
    key text primary key,
    organization text not null,
    connection text,
    created_ms bigint not null
);

-- Events that wait for a route.
create table route_waits (
    key text not null,
    seq bigint not null,
    primary key (key, seq)
);

-- How far what walks through a table in small steps has come.
create table cursors (
    name text primary key,
    position bigint not null
);

-- When each cron fires next: the node that moves it forward enqueues the job.
create table crons (
    name text primary key,
    next_ms bigint not null
);

