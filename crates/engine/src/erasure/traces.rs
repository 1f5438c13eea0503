//! Rows that name an organization, wherever they are: all columns of text and bytes of all tables are looked at, part by part.

use kernel::{OrgId, Result, Scope};
use store::{ColumnKind, Db, Engine, Query, TableSchema, Tx, schema};

use super::LEFT_ALONE;

/// Rows of a table that name an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The table.
    pub table: String,
    /// How many of its rows.
    pub rows: u64,
    /// Whether they are rows of other organizations, which wrote its id into one of their own.
    pub of_others: bool,
}

/// Every table with rows that name this organization; none once it is erased. It reads the whole database, in parts that hold
/// nobody up.
///
/// # Errors
/// What the database says.
pub async fn traces(db: &Db, organization: &OrgId) -> Result<Vec<Trace>> {
    let tables = db.read(&Scope::System, |tx| Box::pin(async move { schema(tx).await })).await?;
    let mut found = Vec::new();
    for table in tables.into_iter().filter(can_name) {
        if LEFT_ALONE.contains(&table.name.as_str()) {
            continue;
        }
        let (mut own, mut of_others, mut from) = (0, 0, Some(0));
        while let Some(position) = from {
            let part = look(db, organization, &table, position).await?;
            own += part.own;
            of_others += part.of_others;
            from = part.next;
        }
        for (rows, of_others) in [(own, false), (of_others, true)] {
            if rows > 0 {
                found.push(Trace { table: table.name.clone(), rows, of_others });
            }
        }
    }
    Ok(found)
}

/// Whether rows of this table could name anybody.
pub(super) fn can_name(table: &TableSchema) -> bool {
    table.columns.iter().any(|column| column.kind != ColumnKind::Int)
}

struct Part {
    own: u64,
    of_others: u64,
    next: Option<i64>,
}

async fn look(db: &Db, organization: &OrgId, table: &TableSchema, position: i64) -> Result<Part> {
    let (organization, table) = (organization.clone(), table.clone());
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.read_all_organizations().await?;
            let Some(window) = window(tx, &table, position).await? else {
                return Ok(Part { own: 0, of_others: 0, next: None });
            };
            let own = if table.is_tenant { "sum(case when org_id = $1 then 1 else 0 end)" } else { "count(*)" };
            let (condition, window_condition) = (names_it(tx.engine(), &table), window.condition());
            let query = tx.system_built(format!(
                "select count(*) as named, coalesce({own}, 0) as own from {} where {window_condition} and ({condition})",
                table.name
            ));
            let row = window.bind(query, &organization).row().await?;
            let count = |name| row.as_ref().map_or(Ok(0), |row| row.int(name));
            let (named, own) = (count("named")?, count("own")?);
            let part = |rows: i64| u64::try_from(rows).unwrap_or_default();
            Ok(Part { own: part(own), of_others: part(named - own), next: Some(window.last) })
        })
    });
    read.await
}

/// Whether a row names it: `$1` is the id, `$2` the same as bytes.
pub(super) fn names_it(engine: Engine, table: &TableSchema) -> String {
    let texts = table.columns_of(ColumnKind::Text).map(|column| match engine {
        Engine::Sqlite => format!("instr({column}, $1) > 0"),
        Engine::Postgres => format!("position($1::text in {column}) > 0"),
    });
    let blobs = table.columns_of(ColumnKind::Blob).map(|column| match engine {
        Engine::Sqlite => format!("instr({column}, $2) > 0"),
        Engine::Postgres => format!("position($2::bytea in {column}) > 0"),
    });
    // Every statement has both values, whatever columns there are.
    let both = match engine {
        Engine::Sqlite => "($1 is null and $2 is null)",
        Engine::Postgres => "($1::text is null and $2::bytea is null)",
    };
    texts.chain(blobs).chain([both.to_owned()]).collect::<Vec<_>>().join(" or ")
}

/// Rows that stand next to one another in the file, so that to look at them costs what they are.
#[derive(Clone, Copy)]
pub(super) struct Window {
    engine: Engine,
    after: i64,
    pub last: i64,
}

/// Rows of a part on SQLite, and pages of one on PostgreSQL.
const ROWS: i64 = 2000;
const PAGES: i64 = 100;

impl Window {
    /// Whether a row is in it: `$3` and `$4` are its bounds.
    pub(super) fn condition(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "rowid > $3 and rowid <= $4",
            Engine::Postgres => "ctid >= $3::text::tid and ctid < $4::text::tid",
        }
    }

    /// Binds the id, the id as bytes, and the bounds.
    pub(super) fn bind<'t>(&self, query: Query<'t>, organization: &OrgId) -> Query<'t> {
        let id = organization.as_str();
        let query = query.bind(id).bind(id.as_bytes().to_vec());
        match self.engine {
            Engine::Sqlite => query.bind(self.after).bind(self.last),
            Engine::Postgres => query.bind(format!("({},0)", self.after)).bind(format!("({},0)", self.last)),
        }
    }
}

/// The part that begins behind `position`; none behind the last one.
pub(super) async fn window(tx: &mut Tx, table: &TableSchema, position: i64) -> Result<Option<Window>> {
    let (engine, name) = (tx.engine(), &table.name);
    let query = match engine {
        Engine::Sqlite => tx.system_built(format!(
            "select max(rowid) as last from (select rowid from {name} where rowid > $1 order by rowid limit {ROWS})"
        )),
        Engine::Postgres => tx.system_built(format!(
            "select case when $1 < pages then least($1 + {PAGES}, pages) end as last from (
                 select pg_relation_size('{name}') / current_setting('block_size')::bigint as pages) as size"
        )),
    };
    let row = query.bind(position).row().await?;
    let last = row.map_or(Ok(None), |row| row.opt_int("last"))?;
    Ok(last.map(|last| Window { engine, after: position, last }))
}
