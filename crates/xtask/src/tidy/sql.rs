//! Invariant 4: SQL stands in `store.rs` files, and in `store` and `engine`.

use super::{
    Violation,
    rust::{Kind, Source, Token},
};

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let at_home = source.name() == "store.rs" || ["store", "engine", "xtask", "testkit"].contains(&source.crate_name());
    if at_home {
        return Vec::new();
    }
    let found = statements(source).map(|token| {
        let message = "SQL stands only in files named store.rs: make this a function of the feature's store.rs";
        Violation::new(&source.path, token.line, message)
    });
    found.collect()
}

/// Returns the literals of the product that are SQL statements.
pub(super) fn statements(source: &Source) -> impl Iterator<Item = &Token> {
    source.product().filter(|token| token.kind == Kind::Text && is_statement(&token.text))
}

/// Returns whether `text` is a statement, and not English such as "select a plan".
fn is_statement(text: &str) -> bool {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let goes_on = |word: &str| words.contains(&word);
    match words.as_slice() {
        ["select", "a" | "an" | "the", ..] => false,
        ["select", second, ..] => goes_on("from") || !second.starts_with(char::is_alphabetic) || second.contains('('),
        ["insert", "into" | "or", ..] | ["delete", "from", _, ..] => true,
        ["update", ..] => goes_on("set"),
        ["with", ..] => goes_on("as") && ["select", "insert", "update", "delete"].iter().any(|verb| goes_on(verb)),
        ["create" | "alter" | "drop", what, _, ..] => SCHEMA.contains(what),
        _ => false,
    }
}

const SCHEMA: [&str; 13] = [
    "table",
    "index",
    "unique",
    "view",
    "trigger",
    "role",
    "policy",
    "function",
    "schema",
    "database",
    "type",
    "sequence",
    "extension",
];

/// Returns the words of a statement in lower case, without its comments. Brackets are words of their own.
pub(super) fn words(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let mut spaced = code.join(" ").to_lowercase();
    for mark in ["(", ")", ",", "=", ";"] {
        spaced = spaced.replace(mark, &format!(" {mark} "));
    }
    spaced.split_whitespace().map(|word| word.replace('"', "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, literal: &str) -> bool {
        !check(&Source::new(path, &format!("fn f() {{ q({literal:?}); }}"))).is_empty()
    }

    #[test]
    fn sql_outside_a_store_is_found() {
        for sql in [
            "select id from contacts where org_id = $1",
            " SELECT count(*) from t",
            "select 1",
            "insert into t (a) values ($1)",
            "update t\n set a = 1",
            "delete from t where id = $1",
            "with x as (select 1) select * from x",
            "create table t (a text)",
            "create unique index i on t (a)",
            "alter table t add column b text",
            "drop table t",
        ] {
            assert!(found("crates/app/src/contacts/queries.rs", sql), "{sql}");
            assert!(found("crates/trunkline/src/doctor.rs", sql), "{sql}");
            assert!(!found("crates/app/src/contacts/store.rs", sql), "{sql}");
            assert!(!found("crates/engine/src/queue/claim.rs", sql), "{sql}");
            assert!(!found("crates/app/tests/it/main.rs", sql), "{sql}");
        }
    }

    #[test]
    fn english_is_not_sql() {
        for text in [
            "select a plan from the list",
            "update your settings",
            "with these as examples",
            "drop me a line",
            "create a customer",
            "selected from",
            "delete from",
        ] {
            assert!(!found("crates/app/src/contacts/queries.rs", text), "{text}");
        }
    }

    #[test]
    fn a_statement_in_a_test_module_is_left_alone() {
        let text = "#[cfg(test)] mod tests { fn f() { q(\"drop table t\") } }";
        assert!(check(&Source::new("crates/app/src/a.rs", text)).is_empty());
    }
}
