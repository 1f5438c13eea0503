-- A node claims only what it has a handler for, delayed work is ranked when it is due, and jobs can share a limit.

-- The vendor of an event; empty for a job. Together with kind and version it says which handler an entry needs.
alter table jobs add column provider text not null default '';
-- How far before others an urgent job stands, in microseconds.
alter table jobs add column head_start bigint not null default 0;
-- The limit that the job shares with others, by name; null for most jobs, which share none.
alter table jobs add column throttle text;
-- At most so many of this limit at a time.
alter table jobs add column throttle_at_once bigint;
-- Microseconds between two starts of this limit.
alter table jobs add column throttle_every bigint;
-- At most so many of this kind at a time.
alter table jobs add column kind_at_once bigint;

update jobs set provider = coalesce((select e.provider from inbox_events e where e.seq = jobs.seq), '')
where kind = 'event' and (rank is not null or state in ('dead', 'unresolved'));

-- The order in which entries are claimed, with the number, so that a million equal ranks are not sorted.
drop index jobs_open;
create index jobs_open on jobs (state, rank, seq) where rank is not null;
-- What became due, by tenant, so that one tenant's twenty thousand do not hide another's one.
create index jobs_scheduled on jobs (tenant, rank, seq) where state = 'scheduled' and rank is not null;
-- What no node can run, for the node that can.
create index jobs_unhandled on jobs (kind, provider, version) where state = 'unhandled';
-- What waits at each limit, in its order, and what takes up its places.
create index jobs_throttled on jobs (throttle, rank, seq) where state = 'throttled';
create index jobs_admitted on jobs (throttle)
where throttle is not null and state in ('ready', 'suspect', 'running', 'cancelling');

-- Limits with a pace, or that a vendor closed for a while.
create table throttles (
    name text primary key,
    -- Nothing starts before this moment, in microseconds.
    opens_at bigint not null
);
