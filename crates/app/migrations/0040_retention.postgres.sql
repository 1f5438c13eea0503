-- What finds old rows of all organizations at once: a pass of the retention reads what it deletes, and nothing else.
create index audit_entries_oldest on audit_entries (at_ms);
create index invitations_ended on invitations (ended_ms) where ended_ms is not null;
create index invitations_expired on invitations (expires_ms) where ended_ms is null;
create index customer_imports_over on customer_imports (finished_ms) where finished_ms is not null;
create index contact_merges_oldest on contact_merges (merged_ms) where undone_ms is null;
drop index early_statuses_oldest;
create index early_statuses_oldest on early_statuses (at_ms);
create index billing_snapshots_oldest on billing_snapshots (taken_ms);
create index api_keys_revoked on api_keys (revoked_ms) where revoked_ms is not null;
create index api_keys_expired on api_keys (expires_ms) where revoked_ms is null;
create index impersonations_over on impersonations (ends_ms);

-- What an organization that is closed shuts out at once.
create index memberships_index_of on memberships_index (organization);
create index invitations_index_of on invitations_index (organization);
-- Whether somebody who leaves with an organization is in another one.
create index members_of_user on members (user_id);

-- What a merge moved is of no use once it was undone. A migration is no tenant's work: the policy holds for the tables' owner
-- too, except here.
alter table contact_merge_items no force row level security;
alter table contact_merges no force row level security;
delete from contact_merge_items where exists (
    select 1 from contact_merges m
    where m.org_id = contact_merge_items.org_id and m.id = contact_merge_items.merge_id and m.undone_ms is not null);
alter table contact_merge_items force row level security;
alter table contact_merges force row level security;

-- Lines of the audit log are deleted when they are old, and when their organization is erased; never else.
create or replace function audit_entries_stay() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('trunkline.audit_removal', true) = 'on' then
        return null;
    end if;
    raise exception 'the audit log is only added to';
end $$;

-- One job cleans all tables.
update jobs set state = 'cancelled', rank = null, finished_ms = created_ms
where kind = 'drop_early_statuses' and rank is not null;
delete from crons where name = 'messages-retention';

-- Archives of everything that an organization has, while they are written and for as long as they can be downloaded.
create table organization_exports (
    org_id text not null,
    id text not null,
    started_by text not null,
    -- running or done.
    status text not null,
    tables_done bigint not null default 0,
    tables_total bigint not null default 0,
    rows_written bigint not null default 0,
    bytes_written bigint not null default 0,
    created_ms bigint not null,
    finished_ms bigint,
    expires_ms bigint not null,
    -- How far it is: the table, the key of the last row of it as a JSON list, the number of the next part.
    table_name text not null default '',
    after_key text,
    part bigint not null default 0,
    primary key (org_id, id)
);
create unique index organization_exports_running on organization_exports (org_id) where status = 'running';
create index organization_exports_newest on organization_exports (org_id, created_ms desc, id desc);
create index organization_exports_over on organization_exports (expires_ms);

-- The archives, in parts.
create table organization_export_parts (
    org_id text not null,
    export_id text not null,
    number bigint not null,
    data bytea not null,
    primary key (org_id, export_id, number)
);
