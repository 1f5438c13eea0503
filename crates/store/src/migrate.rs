//! Migrations: embedded, forward only, each once. On PostgreSQL every table with a column `org_id` gets its policy here,
//! so that no table can be made without one.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use kernel::{Error, Result, Time};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row as _, SqliteConnection};

use crate::{
    Db, Table,
    error::from_sqlx,
    postgres::{Login, ROLE},
    restoring::must_be_whole,
};

/// One step. `postgres` is the same text where the step is portable.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// `0001_queue`: steps run in this order.
    pub name: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

/// The steps of one crate. A product that builds on Trunkline adds its own set.
#[derive(Clone, Copy, Debug)]
pub struct MigrationSet {
    /// The crate's name.
    pub name: &'static str,
    /// In ascending order of their names.
    pub migrations: &'static [Migration],
}

impl Migration {
    /// A step with one text for both engines.
    pub const fn portable(name: &'static str, sql: &'static str) -> Self {
        Self { name, sqlite: sql, postgres: sql }
    }

    /// A step with a text for each engine.
    pub const fn pair(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, sqlite, postgres }
    }
}

const JOURNAL: &str = "create table if not exists trunkline_migrations (
    set_name text not null, name text not null, checksum text not null, applied_ms bigint not null,
    primary key (set_name, name))";
const ALL_APPLIED: &str = "select set_name, name, checksum from trunkline_migrations";
const APPLIED: &str = "select checksum from trunkline_migrations where set_name = $1 and name = $2";
const RECORD: &str = "insert into trunkline_migrations (set_name, name, checksum, applied_ms) values ($1, $2, $3, $4)";

/// Applies what is missing and tells the names of what it applied. Several nodes may call it at once.
///
/// # Errors
/// `Unavailable` when the database does not answer, `Config` when a step that was applied has another text now.
pub async fn migrate(db: &Db, sets: &[MigrationSet], now: Time) -> Result<Vec<String>> {
    if let Some(sqlite) = db.sqlite() {
        let mut conn = sqlite.connect().await?;
        let applied = migrate_sqlite(&mut conn, sets, now).await?;
        db.shared.schema.learn(tables_sqlite(&mut conn).await.map_err(from_sqlx)?);
        conn.close().await.map_err(from_sqlx)?;
        sqlite.migrated().await;
        return Ok(applied);
    }
    let Some(postgres) = db.postgres() else {
        return Err(Error::internal("no_driver", "a database is neither SQLite nor PostgreSQL"));
    };
    let mut conn = postgres.connect().await?;
    let tables = tables_postgres(&mut conn).await.map_err(from_sqlx)?;
    must_be_whole(tables.iter().map(|table| &*table.name))?;
    let applied = migrate_postgres(&mut conn, sets, now).await?;
    db.shared.schema.learn(tables_postgres(&mut conn).await.map_err(from_sqlx)?);
    conn.close().await.map_err(from_sqlx)?;
    Ok(applied)
}

/// Tells what [`migrate`] would apply, and applies nothing. Like it, it makes the names of the tables known to this handle.
///
/// # Errors
/// As [`migrate`].
pub async fn check(db: &Db, sets: &[MigrationSet]) -> Result<Vec<String>> {
    if let Some(sqlite) = db.sqlite() {
        let mut conn = sqlite.connect().await?;
        let tables = tables_sqlite(&mut conn).await.map_err(from_sqlx)?;
        let applied = match has_journal(&tables) {
            true => sqlx::query(ALL_APPLIED).fetch_all(&mut conn).await.map_err(from_sqlx)?,
            false => Vec::new(),
        };
        let applied: Vec<_> = applied.iter().map(journal_row).collect::<Result<_, _>>().map_err(from_sqlx)?;
        db.shared.schema.learn(tables);
        conn.close().await.map_err(from_sqlx)?;
        return missing(sets, &applied, |step| step.sqlite);
    }
    let Some(postgres) = db.postgres() else {
        return Err(Error::internal("no_driver", "a database is neither SQLite nor PostgreSQL"));
    };
    let mut conn = postgres.connect().await?;
    let tables = tables_postgres(&mut conn).await.map_err(from_sqlx)?;
    must_be_whole(tables.iter().map(|table| &*table.name))?;
    let applied = match has_journal(&tables) {
        true => sqlx::query(ALL_APPLIED).fetch_all(&mut conn).await.map_err(from_sqlx)?,
        false => Vec::new(),
    };
    let applied: Vec<_> = applied.iter().map(journal_row).collect::<Result<_, _>>().map_err(from_sqlx)?;
    db.shared.schema.learn(tables);
    conn.close().await.map_err(from_sqlx)?;
    missing(sets, &applied, |step| step.postgres)
}

fn has_journal(tables: &[Table]) -> bool {
    tables.iter().any(|table| &*table.name == "trunkline_migrations")
}

/// The set, the name and the checksum of a step that was applied.
fn journal_row<'r, R: sqlx::Row>(row: &'r R) -> Result<[String; 3], sqlx::Error>
where
    &'static str: sqlx::ColumnIndex<R>,
    String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    Ok([row.try_get("set_name")?, row.try_get("name")?, row.try_get("checksum")?])
}

/// The steps that are not among those that were applied.
fn missing(
    sets: &[MigrationSet],
    applied: &[[String; 3]],
    text: fn(&Migration) -> &'static str,
) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for (set, step) in steps(sets) {
        match applied.iter().find(|[in_set, name, _]| in_set == set && name == step.name) {
            Some([_, _, then]) => unchanged(set, step, &checksum(text(step)), then)?,
            None => missing.push(format!("{set}/{}", step.name)),
        }
    }
    Ok(missing)
}

async fn tables_sqlite(conn: &mut SqliteConnection) -> Result<Vec<Table>, sqlx::Error> {
    let rows = sqlx::query(
        "select m.name, exists (select 1 from pragma_table_info(m.name) c where c.name = 'org_id') as is_tenant
         from sqlite_master m where m.type = 'table'",
    );
    let rows = rows.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(table(row.try_get("name")?, row.try_get("is_tenant")?))).collect()
}

async fn tables_postgres(conn: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let rows = sqlx::query(
        "select c.relname::text as name, exists (
             select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped)
             as is_tenant
         from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')",
    );
    let rows = rows.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(table(row.try_get("name")?, row.try_get("is_tenant")?))).collect()
}

fn table(name: &str, is_tenant: bool) -> Table {
    Table { name: name.to_ascii_lowercase().into(), is_tenant }
}

async fn migrate_sqlite(conn: &mut SqliteConnection, sets: &[MigrationSet], now: Time) -> Result<Vec<String>> {
    let mut tx = conn.begin_with("begin immediate").await.map_err(from_sqlx)?;
    tx.execute(JOURNAL).await.map_err(from_sqlx)?;
    let mut applied = Vec::new();
    for (set, step) in steps(sets) {
        let known = sqlx::query(APPLIED).bind(set).bind(step.name).fetch_optional(&mut *tx).await.map_err(from_sqlx)?;
        let checksum = checksum(step.sqlite);
        if let Some(row) = known {
            unchanged(set, step, &checksum, row.try_get("checksum").map_err(from_sqlx)?)?;
            continue;
        }
        sqlx::raw_sql(step.sqlite).execute(&mut *tx).await.map_err(|error| failed(set, step, error))?;
        let record = sqlx::query(RECORD).bind(set).bind(step.name).bind(checksum).bind(now.ms());
        record.execute(&mut *tx).await.map_err(from_sqlx)?;
        applied.push(format!("{set}/{}", step.name));
    }
    tx.commit().await.map_err(from_sqlx)?;
    Ok(applied)
}

async fn migrate_postgres(conn: &mut PgConnection, sets: &[MigrationSet], now: Time) -> Result<Vec<String>> {
    let mut tx = conn.begin().await.map_err(from_sqlx)?;
    // Nodes that start together take turns; the number is arbitrary, and ours.
    tx.execute("set local statement_timeout = 0").await.map_err(from_sqlx)?;
    tx.execute("select pg_advisory_xact_lock(7308627)").await.map_err(from_sqlx)?;
    tx.execute(JOURNAL).await.map_err(from_sqlx)?;
    let mut applied = Vec::new();
    for (set, step) in steps(sets) {
        let known = sqlx::query(APPLIED).bind(set).bind(step.name).fetch_optional(&mut *tx).await.map_err(from_sqlx)?;
        let checksum = checksum(step.postgres);
        if let Some(row) = known {
            unchanged(set, step, &checksum, row.try_get("checksum").map_err(from_sqlx)?)?;
            continue;
        }
        sqlx::raw_sql(step.postgres).execute(&mut *tx).await.map_err(|error| failed(set, step, error))?;
        let record = sqlx::query(RECORD).bind(set).bind(step.name).bind(checksum).bind(now.ms());
        record.execute(&mut *tx).await.map_err(from_sqlx)?;
        applied.push(format!("{set}/{}", step.name));
    }
    protect_tenants(&mut tx).await.map_err(from_sqlx)?;
    // Also when nothing was applied: a dump may have been restored on a server that does not have the role.
    let login = Login::read(&mut tx).await.map_err(from_sqlx)?;
    if login.role(&mut tx).await?.is_some() && lacks_grants(&mut tx).await.map_err(from_sqlx)? {
        grant(&mut tx).await.map_err(from_sqlx)?;
    }
    tx.commit().await.map_err(from_sqlx)?;
    Ok(applied)
}

/// Puts every table with a column `org_id` behind a policy that holds for its owner too. A second one lets `pg_dump` read the rows of
/// all organizations, where its connection says that this is what it is for: the owner of the tables could not dump them otherwise.
/// A third one lets a transaction of the system that says so read them: see [`crate::Tx::read_all_organizations`].
async fn protect_tenants(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    // A migration may have lifted the policy for its own work, and have set the one mark of it but not the other.
    let unprotected = sqlx::query(
        "select quote_ident(c.relname) as name from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
         where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
             and not (c.relrowsecurity and c.relforcerowsecurity and exists (
                 select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant') and exists (
                 select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'backup') and exists (
                 select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'all_organizations'))",
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in unprotected {
        let table: String = row.try_get("name")?;
        let sql = format!(
            "alter table {table} enable row level security;
             alter table {table} force row level security;
             drop policy if exists tenant on {table};
             create policy tenant on {table}
                 using (org_id = nullif(current_setting('trunkline.org', true), ''))
                 with check (org_id = nullif(current_setting('trunkline.org', true), ''));
             drop policy if exists backup on {table};
             create policy backup on {table} for select using (current_setting('trunkline.backup', true) = 'on');
             drop policy if exists all_organizations on {table};
             create policy all_organizations on {table} for select
                 using (current_setting('trunkline.reads_all', true) = 'on')"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Whether there is something that the role of transactions may not use and should.
async fn lacks_grants(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let sql = format!(
        "select not has_schema_privilege('{ROLE}', current_schema(), 'usage') or exists (
             select 1 from pg_class c where c.relnamespace = current_schema()::regnamespace and case
                 when c.relkind = 'S' then not (
                     has_sequence_privilege('{ROLE}', c.oid, 'usage') and has_sequence_privilege('{ROLE}', c.oid, 'select'))
                 when c.relname = 'trunkline_migrations' then not has_table_privilege('{ROLE}', c.oid, 'select')
                 when c.relkind in ('r', 'p') then not (
                     has_table_privilege('{ROLE}', c.oid, 'select') and has_table_privilege('{ROLE}', c.oid, 'insert')
                     and has_table_privilege('{ROLE}', c.oid, 'update') and has_table_privilege('{ROLE}', c.oid, 'delete'))
                 else false end) as lacks"
    );
    sqlx::query(AssertSqlSafe(sql)).fetch_one(conn).await?.try_get("lacks")
}

/// Lets the role that transactions take on use the tables.
async fn grant(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = format!(
        "do $$ begin
             execute format('grant usage on schema %I to {ROLE}', current_schema());
             execute format('grant select, insert, update, delete on all tables in schema %I to {ROLE}', current_schema());
             execute format('grant usage, select on all sequences in schema %I to {ROLE}', current_schema());
         end $$;
         revoke insert, update, delete on trunkline_migrations from {ROLE}"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

fn steps(sets: &[MigrationSet]) -> impl Iterator<Item = (&'static str, &'static Migration)> + '_ {
    sets.iter().flat_map(|set| set.migrations.iter().map(move |step| (set.name, step)))
}

fn checksum(sql: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, sql.as_bytes()).as_ref())
}

fn unchanged(set: &str, step: &Migration, now: &str, then: &str) -> Result<()> {
    if now == then {
        return Ok(());
    }
    Err(Error::config(
        "migration_changed",
        format!(
            "the migration {set}/{} was applied with another text: this binary is older than the database, or a migration was edited; run the newest binary",
            step.name
        ),
    ))
}

fn failed(set: &str, step: &Migration, error: sqlx::Error) -> Error {
    Error::internal("migration_failed", format!("the migration {set}/{} failed; nothing was changed", step.name))
        .source(error)
}
