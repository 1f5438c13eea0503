//! Reads and restores the database without the product.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use store::Engine;
use testkit::{Hand, TestDb};

use super::Org;

/// The content of the database: tables, and their rows as text. The rows of tenant tables begin with the organization's
/// id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump(BTreeMap<String, BTreeSet<String>>);

/// A column, as it is written in statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) is_text: bool,
}

/// A connection past the product, with stored states of the database.
pub(crate) struct Hands {
    hand: Hand,
    engine: Engine,
    tables: BTreeMap<String, Vec<Column>>,
    triggers: Vec<(String, String)>,
    kept: BTreeMap<&'static str, Arc<Dump>>,
}

/// Tables that belong to the process, and hold no data.
const NOT_DATA: [&str; 8] = [
    "changes",
    "crons",
    "cursors",
    "installation",
    "reserved_timestamps",
    "sqlite_sequence",
    "sqlite_stat1",
    "trunkline_migrations",
];

impl Dump {
    /// Returns the rows of this organization: its own, and those of the installation about it or its people.
    pub(crate) fn of(&self, org: &Org) -> BTreeSet<String> {
        let own = self.tenants(org);
        // A removed member is listed separately.
        let removed = |user: &&String| org.dead.iter().any(|dead| dead.says.contains(user));
        let people: Vec<_> = org.ids["usr"].iter().filter(|user| !removed(user)).collect();
        let says = |row: &str| row.contains(&org.id) || people.iter().any(|user| row.contains(user.as_str()));
        let others = self.rows().filter(|(_, row)| !begins_with_id(row) && says(row));
        others.map(|(table, row)| format!("{table}: {row}")).chain(own).collect()
    }

    /// Returns the organization's own rows.
    pub(crate) fn tenants(&self, org: &Org) -> BTreeSet<String> {
        let own = self.rows().filter(|(_, row)| begins_with_id(row) && row[1..].starts_with(&org.id));
        own.map(|(table, row)| format!("{table}: {row}")).collect()
    }

    /// Returns whether a word is anywhere.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.rows().any(|(_, row)| row.contains(word))
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table.as_str(), row.as_str())))
    }

    /// Returns the rows that are in only one of the two.
    pub(crate) fn difference(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
        let gone = one.difference(other).map(|row| format!("- {row}"));
        let new = other.difference(one).map(|row| format!("+ {row}"));
        gone.chain(new).collect()
    }
}

/// Returns whether the first column is the id of an organization: after a quote on SQLite, after a bracket on
/// PostgreSQL.
fn begins_with_id(row: &str) -> bool {
    row.get(1..).is_some_and(|row| row.starts_with("org_"))
}

impl Hands {
    /// The state with everything in it.
    pub(crate) const WHOLE: &'static str = "kept_whole";
    /// The state without any row of alpha.
    pub(crate) const WITHOUT_ALPHA: &'static str = "kept_without_alpha";

    pub(super) async fn new(database: &TestDb) -> Self {
        let (mut hand, engine) = (database.by_hand().await, database.engine());
        let (mut tables, mut triggers) = (BTreeMap::new(), Vec::new());
        match engine {
            Engine::Sqlite => {
                hand.run("pragma foreign_keys = off; pragma busy_timeout = 20000").await;
                for state in [Self::WHOLE, Self::WITHOUT_ALPHA] {
                    hand.run(&format!("attach database ':memory:' as {state}")).await;
                }
                let pairs =
                    hand.texts("select name || '|' || sql from main.sqlite_master where type = 'trigger'").await;
                let pairs = pairs.iter().filter_map(|pair| pair.split_once('|'));
                triggers.extend(pairs.map(|(name, sql)| (name.to_owned(), sql.to_owned())));
            }
            // Neither triggers nor foreign keys apply while rows are copied.
            Engine::Postgres => {
                hand.run("set session_replication_role = replica; create schema kept_whole; create schema kept_without_alpha")
                    .await;
            }
        }
        let columns = match engine {
            Engine::Sqlite => {
                "select m.name || '|' || c.type || '|' || c.name from main.sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'"
            }
            Engine::Postgres => {
                "select table_name || '|' || data_type || '|' || column_name from information_schema.columns
                 where table_schema = 'public' order by ordinal_position"
            }
        };
        for pair in hand.texts(columns).await {
            let parts: Vec<_> = pair.split('|').collect();
            let [table, kind, column] = parts.as_slice() else { panic!("{pair}") };
            if !NOT_DATA.contains(table) {
                let column = Column { name: format!("\"{column}\""), is_text: kind.eq_ignore_ascii_case("text") };
                tables.entry((*table).to_owned()).or_insert_with(Vec::new).push(column);
            }
        }
        Self { hand, engine, tables, triggers, kept: BTreeMap::new() }
    }

    /// Returns the tenant tables, which have a column `org_id`, with the names of their other columns.
    pub(crate) fn tenant_tables(&self) -> BTreeMap<String, Vec<Column>> {
        let is_org = |column: &&Column| column.name == "\"org_id\"";
        let tenants = self.tables.iter().filter(|(_, columns)| columns.iter().any(|column| is_org(&column)));
        let others = |columns: &[Column]| columns.iter().filter(|column| !is_org(column)).cloned().collect();
        tenants.map(|(table, columns)| (table.clone(), others(columns))).collect()
    }

    /// Returns the current content.
    pub(crate) async fn dump(&mut self) -> Dump {
        let part = |(table, columns): (&String, &Vec<Column>)| match self.engine {
            Engine::Sqlite => {
                let columns: Vec<_> = columns.iter().map(|column| format!("quote({})", column.name)).collect();
                format!("select '{table}|' || {} as row from main.{table}", columns.join(" || ',' || "))
            }
            Engine::Postgres => format!("select '{table}|' || t::text as row from public.{table} t"),
        };
        let parts: Vec<_> = self.tables.iter().map(part).collect();
        let mut dump: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in self.hand.texts(&parts.join(" union all ")).await {
            let (table, row) = row.split_once('|').expect("a table and a row");
            dump.entry(table.to_owned()).or_default().insert(row.to_owned());
        }
        Dump(dump)
    }

    /// Stores the current state under this name.
    pub(super) async fn keep(&mut self, state: &'static str) {
        let tables: Vec<_> = self.tables.keys().cloned().collect();
        for table in tables {
            let main = self.main();
            self.hand.run(&format!("create table {state}.{table} as select * from {main}.{table}")).await;
        }
        let dump = self.dump().await;
        self.kept.insert(state, Arc::new(dump));
    }

    /// Returns the state that was stored under this name.
    pub(crate) fn kept(&self, state: &str) -> Arc<Dump> {
        self.kept[state].clone()
    }

    /// Restores the state of this name. Returns the content before.
    pub(crate) async fn put_back(&mut self, state: &'static str) -> Dump {
        let (now, then) = (self.dump().await, self.kept(state));
        let changed: Vec<_> = self.tables.keys().filter(|table| now.0.get(*table) != then.0.get(*table)).collect();
        let main = self.main();
        let copies: Vec<_> = changed
            .iter()
            .map(|table| {
                let columns = names(&self.tables[*table]);
                format!(
                    "delete from {main}.{table};
                     insert into {main}.{table} ({columns}) select {columns} from {state}.{table};"
                )
            })
            .collect();
        if !copies.is_empty() {
            self.write(&copies.concat()).await;
        }
        now
    }

    /// Deletes all rows of an organization and its people.
    pub(super) async fn remove(&mut self, org: &Org) {
        let mut sql = String::new();
        for (table, columns) in &self.tables {
            let says: Vec<_> = columns.iter().map(|column| self.mentions(&column.name, org)).collect();
            sql.push_str(&format!("delete from {}.{table} where {};", self.main(), says.join(" or ")));
        }
        self.write(&sql).await;
    }

    /// Runs a statement as an administrator of the database could.
    pub(crate) async fn write(&mut self, sql: &str) {
        let mut drops = String::new();
        let mut creates = String::new();
        for (name, create) in &self.triggers {
            drops.push_str(&format!("drop trigger {name};"));
            creates.push_str(&format!("{create};"));
        }
        let begin = if self.engine == Engine::Sqlite { "begin immediate" } else { "begin" };
        self.hand.run(&format!("{begin}; {drops} {sql} {creates} commit")).await;
    }

    /// Runs a statement in a transaction as the product begins one on PostgreSQL: in its role, for this organization or,
    /// with an empty one, for none. The store, which would refuse the statement, is not asked.
    pub(crate) async fn as_product(&mut self, organization: &str, sql: &str) -> Result<Vec<String>, String> {
        let begin = format!("begin; set local role trunkline_app; set local trunkline.org = '{organization}'");
        self.hand.run(&begin).await;
        let answer = self.hand.attempt(sql).await;
        self.hand.run("commit").await;
        answer
    }

    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        self.hand.texts(sql).await
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    fn main(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "main",
            Engine::Postgres => "public",
        }
    }

    fn mentions(&self, column: &str, org: &Org) -> String {
        let like = |what: &str| match self.engine {
            Engine::Sqlite => format!("coalesce(cast({column} as text), '') like '%{what}%'"),
            Engine::Postgres => format!("coalesce({column}::text, '') like '%{what}%'"),
        };
        format!("({} or {})", like(&org.id), like(org.mark))
    }
}

/// Returns the names of columns, as a list in a statement.
pub(crate) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}
