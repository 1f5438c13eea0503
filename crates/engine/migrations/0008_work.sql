-- The pattern and time zone that a cron's next time was computed from: a release with another pattern takes the cron over.
alter table crons add column pattern text not null default '';

-- What organizations want to have done at fixed times: one job at each.
create table schedules (
    organization text not null,
    -- The organization's own name for it.
    name text not null,
    -- Five fields of a cron, by the clock of this time zone.
    pattern text not null,
    zone text not null,
    -- The job, as JSON: what the queue is told each time.
    job text not null,
    -- When it fires next.
    next_ms bigint not null,
    primary key (organization, name)
);
-- Finds the due ones among hundreds of thousands.
create index schedules_due on schedules (next_ms);
