-- What recognises an event that comes again is no longer an entry of the queue's index: ids come in random order, and each
-- entry would be a page of its own to write. The newest are kept as they come, a batch in a row, and move from there into
-- the table of keys in sorted runs.

-- A hash of provider, connection and external id. Null for events from before this step.
alter table inbox_events add column hash bigint;

-- The events that were moved, by hash.
create table event_keys (
    hash integer primary key,
    seq bigint not null
);
-- The events that were not: the hashes of a batch, eight bytes each, little-endian; their numbers follow one another.
create table event_batches (
    first_seq integer primary key,
    hashes blob not null
);

insert into event_keys (hash, seq) select dedupe, seq from jobs where kind = 'event' and dedupe is not null order by dedupe;
drop index jobs_dedupe;
update jobs set dedupe = null where kind = 'event';
create unique index jobs_dedupe on jobs (dedupe) where dedupe is not null;
