-- Events and jobs are shown by status, newest first: a page of a list reads as many entries as it shows. Events have one
-- index for it, because most rows are events and each entry costs; jobs, which are few among them, have two.
create index jobs_events_by_state on jobs (state, seq) where kind = 'event';
create index jobs_by_state on jobs (state, seq) where kind <> 'event';
create index jobs_by_kind on jobs (kind, state, seq) where kind <> 'event';
-- The first two contain it.
drop index jobs_trouble;
