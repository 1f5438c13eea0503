-- Who did what to what, when, from where. Written once, in the transaction that did it.
create table audit_entries (
    org_id text not null,
    id text not null,
    at_ms bigint not null,
    operation text not null,
    -- The person, and who acted as them while they were impersonated.
    user_id text,
    actor text not null,
    impersonator_id text,
    impersonator text,
    -- token, key, operator or anonymous.
    means text not null,
    -- The id of what it was done to, where there is one.
    subject text,
    -- JSON, without what is secret.
    arguments text not null,
    origin text,
    primary key (org_id, id)
);
create index audit_entries_at on audit_entries (org_id, at_ms, id);

create trigger audit_entries_stay before update on audit_entries begin
    select raise(abort, 'the audit log is only added to');
end;
create trigger audit_entries_remain before delete on audit_entries begin
    select raise(abort, 'the audit log is only added to');
end;
