-- Jobs that ended are found by how they ended and when. The indexes of 0010 begin with the time alone, and SQLite prefers the one
-- by state, which leads to all jobs of that state.
drop index jobs_done;
drop index jobs_dead;
create index jobs_ended on jobs (state, finished_ms) where kind <> 'event' and finished_ms is not null;
