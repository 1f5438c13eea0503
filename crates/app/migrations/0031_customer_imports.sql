-- Files of customers that are or were imported, and how far that has come.
create table customer_imports (
    org_id text not null,
    id text not null,
    file_name text,
    started_by text not null,
    -- running, done or cancelled.
    status text not null,
    -- Rows of the file; those that were worked off; those of them that became customers, and that did not.
    rows_total bigint not null,
    rows_done bigint not null,
    imported bigint not null,
    rejected bigint not null,
    created_ms bigint not null,
    updated_ms bigint not null,
    finished_ms bigint,
    primary key (org_id, id)
);
create index customer_imports_newest on customer_imports (org_id, created_ms desc, id desc);
create unique index customer_imports_running on customer_imports (org_id) where status = 'running';

-- Their text, for as long as it is needed. Beside them, so that a mark of progress does not write it again.
create table customer_import_files (
    org_id text not null,
    import_id text not null,
    csv text not null,
    -- JSON: how it is read.
    reading text not null,
    primary key (org_id, import_id),
    foreign key (org_id, import_id) references customer_imports (org_id, id)
);

-- What was wrong with rows that did not become customers.
create table customer_import_errors (
    org_id text not null,
    import_id text not null,
    line bigint not null,
    -- Which of the errors of this line.
    place text not null,
    column_name text,
    code text not null,
    message text not null,
    primary key (org_id, import_id, line, place),
    foreign key (org_id, import_id) references customer_imports (org_id, id)
);
