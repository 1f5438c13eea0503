//! What tables there are, as the database itself describes them: for work that concerns every table, also those that are
//! added later, such as the erasure of an organization.

use kernel::{Error, Result};

use crate::{Engine, Reader, Row};

/// A table of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name.
    pub name: String,
    /// Whether its rows belong to organizations: whether it has the column `org_id`.
    pub is_tenant: bool,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in the key's order.
    pub key: Vec<String>,
    /// The tables that its foreign keys refer to.
    pub references: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// Whole numbers, times and booleans.
    Int,
    /// Bytes.
    Blob,
}

impl TableSchema {
    /// The names of the columns of this kind.
    pub fn columns_of(&self, kind: ColumnKind) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(move |column| column.kind == kind).map(|column| column.name.as_str())
    }
}

/// Every table, those first that refer to others: rows can be deleted table by table in this order.
///
/// # Errors
/// What the database says, and `Internal` when foreign keys go in a circle.
pub async fn schema(db: &mut Reader) -> Result<Vec<TableSchema>> {
    let columns = match db.engine() {
        Engine::Sqlite => {
            "select m.name as table_name, c.name as column_name, lower(c.type) as type, c.pk as key_place
             from sqlite_master m join pragma_table_info(m.name) c
             where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid"
        }
        Engine::Postgres => {
            "select c.relname::text as table_name, a.attname::text as column_name,
                 format_type(a.atttypid, a.atttypmod) as type,
                 coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 as key_place
             from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             left join pg_index i on i.indrelid = c.oid and i.indisprimary
             where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
             order by c.relname, a.attnum"
        }
    };
    let references = match db.engine() {
        Engine::Sqlite => {
            "select distinct m.name as table_name, f.\"table\" as referred
             from sqlite_master m join pragma_foreign_key_list(m.name) f where m.type = 'table'"
        }
        Engine::Postgres => {
            "select distinct c.conrelid::regclass::text as table_name, c.confrelid::regclass::text as referred
             from pg_constraint c where c.contype = 'f' and c.connamespace = current_schema()::regnamespace"
        }
    };
    let mut tables: Vec<TableSchema> = Vec::new();
    let mut keys: Vec<Vec<(i64, String)>> = Vec::new();
    for row in db.system(columns).rows().await? {
        let name = row.text("table_name")?;
        if tables.last().is_none_or(|table| table.name != name) {
            let (columns, key, references) = Default::default();
            tables.push(TableSchema { name, is_tenant: false, columns, key, references });
            keys.push(Vec::new());
        }
        let (Some(table), Some(key)) = (tables.last_mut(), keys.last_mut()) else { continue };
        let column = Column { name: row.text("column_name")?, kind: kind(&row)? };
        table.is_tenant |= column.name == "org_id";
        let place = row.int("key_place")?;
        if place > 0 {
            key.push((place, column.name.clone()));
        }
        table.columns.push(column);
    }
    for (table, mut key) in tables.iter_mut().zip(keys) {
        key.sort_unstable();
        table.key = key.into_iter().map(|(_, name)| name).collect();
    }
    for row in db.system(references).rows().await? {
        let (name, referred) = (row.text("table_name")?, row.text("referred")?);
        if let Some(table) = tables.iter_mut().find(|table| table.name == name && name != referred) {
            table.references.push(referred);
        }
    }
    referring_first(tables)
}

fn kind(row: &Row) -> Result<ColumnKind> {
    match row.text("type")?.as_str() {
        "text" => Ok(ColumnKind::Text),
        "bigint" | "integer" => Ok(ColumnKind::Int),
        "blob" | "bytea" => Ok(ColumnKind::Blob),
        other => {
            let column = format!("{}.{}", row.text("table_name")?, row.text("column_name")?);
            let message = format!("{column} is of the type {other}: tables have text, bigint, and blob or bytea");
            Err(Error::internal("column_type", message))
        }
    }
}

fn referring_first(mut tables: Vec<TableSchema>) -> Result<Vec<TableSchema>> {
    let mut sorted = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_free = |at: &usize| !tables.iter().any(|table| table.references.contains(&tables[*at].name));
        let free = (0..tables.len()).find(is_free);
        let free =
            free.ok_or_else(|| Error::internal("foreign_keys_circle", "foreign keys of tables go in a circle"))?;
        sorted.push(tables.remove(free));
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_refer_to_others_come_before_them() {
        let table = |name: &str, references: &[&str]| TableSchema {
            name: name.to_owned(),
            is_tenant: true,
            columns: Vec::new(),
            key: Vec::new(),
            references: references.iter().map(ToString::to_string).collect(),
        };
        let sorted = referring_first(vec![table("a", &[]), table("b", &["a"]), table("c", &["b", "a"])]).unwrap();
        assert_eq!(sorted.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
        assert!(referring_first(vec![table("a", &["b"]), table("b", &["a"])]).is_err());
    }
}
