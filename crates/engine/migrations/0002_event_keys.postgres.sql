-- What recognises an event that comes again moves from its entry in the queue to the event itself: the entry changes
-- three times, and each change would write the same hash into a random page of the index again.

-- A hash of provider, connection and external id.
alter table inbox_events add column hash bigint;

update inbox_events set hash = (select dedupe from jobs where jobs.seq = inbox_events.seq);
drop index jobs_dedupe;
update jobs set dedupe = null where kind = 'event';
create unique index jobs_dedupe on jobs (dedupe) where dedupe is not null;
create unique index inbox_events_hash on inbox_events (hash);
