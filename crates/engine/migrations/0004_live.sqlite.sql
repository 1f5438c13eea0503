-- Until when timestamps may have been given.
create table reserved_timestamps (
    name text primary key,
    until bigint not null
);
