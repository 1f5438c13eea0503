//! Invariant 6: no statement uses a tenant table without naming the organization.
//!
//! A tenant table is one whose migration gives it a column `org_id`, as in `store`, which puts row-level security on
//! the same tables; a system table that refers to an organization names the column differently. In every statement `$1`
//! is the organization, and each mention of a tenant table is tied to it by an `org_id` of its own. The check counts
//! and does not parse: row-level security still stops what it overlooks.

use std::collections::BTreeSet;

use super::{
    Violation,
    files::File,
    migrations,
    rust::Source,
    sql::{statements, words},
};

/// Returns the names of all tenant tables.
pub(super) fn tables(files: &[File]) -> BTreeSet<String> {
    files.iter().filter(|file| migrations::is_migration(file)).flat_map(|file| tables_of(&file.text)).collect()
}

fn tables_of(migration: &str) -> Vec<String> {
    let lower = migration.to_lowercase();
    let mut found = Vec::new();
    for (at, create) in lower.match_indices("create table ") {
        let statement = words(lower[at + create.len()..].split(';').next().unwrap_or_default());
        let name = statement.iter().find(|word| !["if", "not", "exists"].contains(&word.as_str()));
        let is_tenant = statement.windows(2).any(|pair| ["(", ","].contains(&pair[0].as_str()) && pair[1] == "org_id");
        if let (Some(name), true) = (name, is_tenant) {
            found.push(name.clone());
        }
    }
    found
}

pub(super) fn check(source: &Source, tables: &BTreeSet<String>) -> Vec<Violation> {
    // The drivers and the migration runner only know tables of their own.
    if ["store", "xtask", "testkit"].contains(&source.crate_name()) {
        return Vec::new();
    }
    let found = statements(source).filter_map(|statement| {
        let message = objection(&words(&statement.text), tables)?;
        Some(Violation::new(&source.path, statement.line, message))
    });
    found.collect()
}

fn objection(words: &[String], tables: &BTreeSet<String>) -> Option<String> {
    let mentions = mentions(words, tables);
    let table = mentions.first()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(objection) = insert_objection(&words, tables) {
        return Some(objection);
    }
    if !is_insert(&words) && !words.windows(3).any(is_scope) {
        return Some(format!("a statement on the tenant table {table} without `org_id = $1`: add it"));
    }
    let ties = words.iter().filter(|word| column(word) == "org_id").count();
    if ties < mentions.len() {
        return Some(format!(
            "{} mentions of tenant tables ({}) and only {ties} of `org_id`: tie each one by `org_id = $1`, or by \
             `a.org_id = b.org_id`",
            mentions.len(),
            mentions.join(", ")
        ));
    }
    None
}

/// Returns the tenant tables that the statement reads or writes, each as often as it is mentioned.
fn mentions<'a>(words: &'a [String], tables: &BTreeSet<String>) -> Vec<&'a str> {
    let mut in_list = false;
    let mut found = Vec::new();
    for pair in words.windows(2) {
        let (before, word) = (pair[0].as_str(), pair[1].as_str());
        match before {
            "from" => in_list = true,
            "where" | "set" | "group" | "order" | "limit" | "returning" | "on" | "select" | "values" | "(" | ")" => {
                in_list = false;
            }
            _ => {}
        }
        let is_place = ["from", "join", "update", "into", "using", "only"].contains(&before);
        if (is_place || (in_list && before == ",")) && tables.contains(word) {
            found.push(word);
        }
    }
    found
}

fn is_insert(words: &[&str]) -> bool {
    words.windows(2).any(|pair| pair == ["insert", "into"])
}

/// Returns whether the words are `org_id = $1`, with a table's name before the column or a cast after the number, in
/// either order.
fn is_scope(three: &[&str]) -> bool {
    let is_first = |word: &str| word == "$1" || word.starts_with("$1::");
    three[1] == "=" && {
        (column(three[0]) == "org_id" && is_first(three[2])) || (is_first(three[0]) && column(three[2]) == "org_id")
    }
}

fn column(word: &str) -> &str {
    word.rsplit('.').next().unwrap_or(word)
}

/// An insert names `org_id` first, and `$1` as its value in every row.
fn insert_objection(words: &[&str], tables: &BTreeSet<String>) -> Option<String> {
    let into = words.windows(2).position(|pair| pair[0] == "into" && tables.contains(pair[1]))?;
    let table = words[into + 1];
    let after = &words[into + 2..];
    if after.first() != Some(&"(") || after.get(1) != Some(&"org_id") {
        return Some(format!("an insert into the tenant table {table} that does not begin with the column `org_id`"));
    }
    let rows = &after[after.iter().position(|word| *word == ")").unwrap_or(0)..];
    let first_values: Vec<&str> = match rows.get(1) {
        Some(&"values") => first_of_each_row(&rows[2..]),
        _ => rows.iter().skip_while(|word| **word != "select").nth(1).copied().into_iter().collect(),
    };
    let is_scoped = |value: &&str| *value == "$1" || value.starts_with("$1::");
    let from_scoped_rows = rows.windows(3).any(is_scope);
    if (!first_values.is_empty() && first_values.iter().all(is_scoped)) || from_scoped_rows {
        return None;
    }
    Some(format!("an insert into the tenant table {table} whose `org_id` is not `$1`: `$1` is always the organization"))
}

/// Returns the first value of each `( … )` of a `values` list.
fn first_of_each_row<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut depth = 0_usize;
    let mut firsts = Vec::new();
    for pair in words.windows(2) {
        match pair[0] {
            "(" => {
                if depth == 0 {
                    firsts.push(pair[1]);
                }
                depth += 1;
            }
            ")" => depth = depth.saturating_sub(1),
            "," => {}
            // `on conflict …`, `returning …`
            _ if depth == 0 => break,
            _ => {}
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIGRATION: &str = "
        create table contacts (
          org_id text not null, -- the tenant
          id text not null
        );
        create table if not exists messages (id text, org_id text);
        create table inbox (id text, organization text);
        create table plans (id text, organization text);
    ";

    fn objections(sql: &str) -> usize {
        let files = [File::new("crates/app/migrations/0001_contacts.sql", MIGRATION)];
        let source = Source::new("crates/app/src/contacts/store.rs", &format!("fn f() {{ q({sql:?}) }}"));
        check(&source, &tables(&files)).len()
    }

    #[test]
    fn tenant_tables_are_those_with_an_org_id() {
        assert_eq!(tables_of(MIGRATION), ["contacts", "messages"]);
    }

    #[test]
    fn a_statement_without_its_organization_is_found() {
        for sql in [
            "select * from contacts where id = $1",
            "select * from contacts where org_id = $2 and id = $1",
            "update contacts set name = $2 where id = $1",
            "delete from contacts",
            "insert into contacts (id, org_id) values ($1, $2)",
            "insert into contacts (org_id, id) values ($2, $1)",
            "insert into contacts (org_id, id) values ($1, $2), ($3, $4)",
            "insert into contacts values ($1, $2)",
            "insert into contacts (org_id, id) select organization, id from inbox",
            "select * from contacts c join messages m on m.contact = c.id where c.org_id = $1",
            "select * from plans p, contacts c",
            "select (select count(*) from messages) from contacts where org_id = $1",
        ] {
            assert_eq!(objections(sql), 1, "{sql}");
        }
    }

    #[test]
    fn a_statement_within_its_organization_is_fine() {
        for sql in [
            "select * from contacts where org_id = $1 and id = $2",
            "select * from contacts where $1 = org_id",
            "select * from contacts c join messages m on m.org_id = c.org_id where c.org_id = $1",
            "update contacts set name = $2 where org_id = $1 and id = $3",
            "delete from contacts where org_id=$1",
            "insert into contacts (org_id, id) values ($1, $2) on conflict (org_id, id) do update set id = $2",
            "insert into contacts (org_id, id) values ($1, $2), ($1, coalesce($3, ($4))) returning id",
            "insert into contacts (org_id, id) select $1::text, i from unnest($2) i",
            "insert into contacts (org_id, id) select org_id, id from messages where org_id = $1",
            "select * from inbox",
            "select * from plans where id = $1",
        ] {
            assert_eq!(objections(sql), 0, "{sql}");
        }
    }
}
