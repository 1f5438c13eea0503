-- What plans allow, as the installation is configured. It belongs to the installation, and is written at its start.
create table plans (
    id text primary key,
    name text not null,
    max_customers bigint,
    max_staff bigint,
    max_clients bigint
);

alter table organizations add column billing_email text;
alter table organizations add column updated_ms bigint;
