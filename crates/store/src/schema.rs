//! The tables of a database, and which of them a statement reads and writes.
//!
//! What a statement touches is told from its text: every word in it that is the name of a table counts as read. That is one table too
//! many at times, and never one too few.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kernel::OrgId;

/// A table, by name; of tables of the installation also rows of one key, `users#usr_…`, and the rows of any key, `users#*`. Those
/// of tenants have rows of many organizations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its rows belong to organizations: whether it has the column `org_id`.
    pub is_tenant: bool,
}

/// Stands for the key of a statement that does not say which rows of a table it writes.
const ANY: &str = "*";

/// The rows of a table, by key.
type Keys = [(&'static str, String)];

impl Table {
    /// What a statement on this table has read: all of it, or the rows of keys.
    pub(crate) fn read(&self, keys: &Keys) -> impl Iterator<Item = Self> {
        let mut rows = self.rows(keys);
        if rows.is_empty() {
            rows.push(self.clone());
        } else {
            rows.push(self.any_row());
        }
        rows.into_iter()
    }

    /// What a statement on this table has written: the table, and rows of keys, or of `any` key.
    pub(crate) fn written(&self, any: &Self, keys: &Keys) -> impl Iterator<Item = Self> {
        let mut rows = self.rows(keys);
        if rows.is_empty() && !self.is_tenant {
            rows.push(any.clone());
        }
        rows.push(self.clone());
        rows.into_iter()
    }

    /// The rows of a key that is not known.
    pub(crate) fn any_row(&self) -> Self {
        self.row(ANY)
    }

    fn rows(&self, keys: &Keys) -> Vec<Self> {
        let own = keys.iter().filter(|(table, _)| !self.is_tenant && **table == *self.name);
        own.map(|(_, key)| self.row(key)).collect()
    }

    fn row(&self, key: &str) -> Self {
        // Nodes send one another these names with commas between them. Two keys that become the same cost a look too many.
        Self { name: format!("{}#{}", self.name, key.replace(',', "_")).into(), is_tenant: self.is_tenant }
    }

    /// The name of the whole table.
    pub fn whole(&self) -> &str {
        self.name.split('#').next().unwrap_or_default()
    }
}

/// The read set of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Whose rows of tenant tables.
    pub organization: Option<OrgId>,
    /// The tables.
    pub tables: BTreeSet<Table>,
}

/// What is known of a database's tables. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Schema(Arc<Known>);

#[derive(Default)]
struct Known {
    tables: RwLock<HashMap<String, Table>>,
    /// The tables of statements that were seen before.
    statements: RwLock<HashMap<String, Arc<Touched>>>,
}

/// The tables of a statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Every table that is named.
    pub(crate) named: Vec<Table>,
    /// The tables that are written, each with the rows of any key in it.
    pub(crate) written: Vec<(Table, Table)>,
    /// The first tenant table that stands where SQL has a table, and not where it could be a column.
    pub(crate) tenant: Option<Arc<str>>,
}

impl Touched {
    /// Whether it writes rows of organizations.
    pub(crate) fn writes_tenant(&self) -> bool {
        self.written.iter().any(|(table, _)| table.is_tenant)
    }
}

/// Statements to remember. There are a few hundred in a product; more means that texts are built at run time.
const STATEMENTS: usize = 4096;

impl Schema {
    /// Replaces the known tables.
    pub(crate) fn learn(&self, tables: impl IntoIterator<Item = Table>) {
        let tables = tables.into_iter().map(|table| (table.name.to_string(), table)).collect();
        *self.0.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
        self.0.statements.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All tables, as one statement would touch them that wrote everywhere.
    pub(crate) fn everything(&self) -> BTreeSet<Table> {
        let tables = self.0.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.values().flat_map(|table| table.written(&table.any_row(), &[]).collect::<Vec<_>>()).collect()
    }

    /// The tables of a statement.
    pub(crate) fn touched(&self, sql: &str) -> Arc<Touched> {
        if let Some(known) = self.0.statements.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return known.clone();
        }
        let touched = Arc::new(touched(sql, &self.0.tables.read().unwrap_or_else(PoisonError::into_inner)));
        let mut statements = self.0.statements.write().unwrap_or_else(PoisonError::into_inner);
        if statements.len() < STATEMENTS {
            statements.insert(sql.to_owned(), touched.clone());
        }
        touched
    }
}

fn touched(sql: &str, tables: &HashMap<String, Table>) -> Touched {
    let mut touched = Touched::default();
    let mut place = Place::default();
    let (mut before, mut last) = (String::new(), String::new());
    for token in tokens(sql) {
        let word = token.to_ascii_lowercase();
        let is_table = place.next(&word, &last);
        if let Some(table) = tables.get(&word) {
            touched.named.push(table.clone());
            if last == "into" || last == "update" || (last == "from" && before == "delete") {
                touched.written.push((table.clone(), table.any_row()));
            }
            if is_table && table.is_tenant {
                touched.tenant.get_or_insert_with(|| table.name.clone());
            }
        }
        if is_word(&word) {
            before = std::mem::replace(&mut last, word);
        } else {
            // A word right after `(` follows no word.
            last = word;
        }
    }
    touched
}

/// The words of a statement, and the parentheses and commas between them.
fn tokens(sql: &str) -> impl Iterator<Item = &str> {
    let parts = sql.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.flat_map(|part| {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (word, mark) = part.split_at(end);
        let mark = Some(mark).filter(|mark| ["(", ")", ","].contains(mark));
        Some(word).filter(|word| !word.is_empty()).into_iter().chain(mark)
    })
}

fn is_word(token: &str) -> bool {
    !["(", ")", ","].contains(&token)
}

/// Whether the next word of a statement stands where SQL has a table.
#[derive(Default)]
struct Place {
    is_table: bool,
    /// The same outside of each open parenthesis.
    outer: Vec<bool>,
}

impl Place {
    /// Takes the next token, and answers whether it may be a table. `last` is the one before it.
    fn next(&mut self, token: &str, last: &str) -> bool {
        match token {
            "(" => {
                self.outer.push(self.is_table);
                // The list after `into items (`, and the arguments of a function, are no tables.
                self.is_table &= ["from", "join", ",", "("].contains(&last);
                false
            }
            ")" => {
                self.is_table = self.outer.pop().unwrap_or_default();
                false
            }
            // `is distinct from` compares.
            "from" => {
                self.is_table = last != "distinct";
                false
            }
            "join" | "into" | "update" | "using" | "table" => {
                self.is_table = true;
                false
            }
            "select" | "set" | "where" | "on" | "values" | "returning" => {
                self.is_table = false;
                false
            }
            "group" | "having" | "order" | "limit" | "union" | "except" | "intersect" | "window" => {
                // In quotes these may be names of tables, where nothing but a table can stand.
                self.is_table &= ["from", "join", "into", "update", ","].contains(&last);
                self.is_table
            }
            _ => self.is_table,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tables: &[Table]) -> Vec<&str> {
        tables.iter().map(|table| &*table.name).collect()
    }

    #[track_caller]
    fn assert_touched(sql: &str, named: &[&str], written: &[&str]) {
        let table = |name: &str| (name.to_owned(), Table { name: name.into(), is_tenant: true });
        let tables = ["items", "notes", "people"].into_iter().map(table).collect();
        let touched = touched(sql, &tables);
        let wrote: Vec<_> = touched.written.iter().map(|(table, _)| table.clone()).collect();
        assert_eq!((names(&touched.named), names(&wrote)), (named.to_vec(), written.to_vec()), "{sql}");
    }

    #[test]
    fn the_tables_of_a_statement_are_found_wherever_they_stand() {
        assert_touched(
            "select * from items i, notes where exists (select 1 from people)",
            &["items", "notes", "people"],
            &[],
        );
        assert_touched(
            "with x as (select 1 from Items) select * from x join notes n on 1 = 1",
            &["items", "notes"],
            &[],
        );
        assert_touched("select itemsize from other", &[], &[]);
    }

    #[test]
    fn rows_of_one_key_meet_those_of_the_same_and_of_unknown_ones() {
        let users = Table { name: "users".into(), is_tenant: false };
        let any = users.any_row();
        let only = |key: &str| vec![("users", key.to_owned())];
        let meet = |read: &[(&'static str, String)], written: &[(&'static str, String)]| {
            let written: Vec<_> = users.written(&any, written).collect();
            users.read(read).any(|table| written.contains(&table))
        };
        assert!(meet(&only("a"), &only("a")) && meet(&only("a"), &[]) && meet(&[], &only("a")) && meet(&[], &[]));
        assert!(!meet(&only("a"), &only("b")));
        assert!(meet(&only("a,b"), &only("a,b")) && !meet(&only("a"), &only("a,b")));
    }

    #[test]
    fn what_a_statement_writes_is_told_from_what_it_reads() {
        assert_touched("insert into items (a) select a from notes", &["items", "notes"], &["items"]);
        assert_touched("insert into items (a) values ($1) on conflict (a) do update set b = 1", &["items"], &["items"]);
        assert_touched("update items set a = 1 where b in (select b from notes)", &["items", "notes"], &["items"]);
        assert_touched("delete from items where id = $1", &["items"], &["items"]);
        assert_touched(
            "with gone as (delete\n from items returning id) insert\n into notes select id from gone",
            &["items", "notes"],
            &["items", "notes"],
        );
        assert_touched("select * from items for update", &["items"], &[]);
    }

    #[track_caller]
    fn assert_tenant(sql: &str, expected: Option<&str>) {
        let table = |name: &str| (name.to_owned(), Table { name: name.into(), is_tenant: true });
        let tables = ["items", "notes", "order"].into_iter().map(table).collect();
        assert_eq!(touched(sql, &tables).tenant.as_deref(), expected, "{sql}");
    }

    #[test]
    fn a_tenant_table_is_told_from_a_column_of_its_name() {
        for sql in [
            "select * from notes",
            "select 1 from jobs j, notes n where n.id = j.id",
            "select 1 from (select id from jobs where id = 1) q, notes",
            "select 1 from jobs where exists (select 1 from notes)",
            "with gone as (delete from notes returning id) insert into jobs select id from gone",
            "insert into notes (org_id) values ($1)",
            "update notes set a = 1",
            "delete from jobs using notes where true",
            "select 1 from jobs left join (notes n join jobs k on true) on true",
        ] {
            assert_tenant(sql, Some("notes"));
        }
        assert_tenant("select 1 from \"order\" where id = 1", Some("order"));
        for sql in [
            "select notes, count(*) from jobs group by notes order by notes",
            "insert into jobs (id, notes) values ($1, $2) on conflict (id) do update set notes = excluded.notes",
            "update jobs set a = 1, notes = 2 where notes is distinct from items",
            "select 1 from json_each(notes)",
            "select id from jobs where id = 1 for update",
        ] {
            assert_tenant(sql, None);
        }
    }
}
