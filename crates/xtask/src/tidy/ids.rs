//! Prefixes of ids: declared beside their features, and therefore nowhere in one list. No two are the same.

use std::collections::BTreeMap;

use super::{
    Violation,
    rust::{Kind, Source, Token},
};

pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut letters: BTreeMap<&str, &str> = BTreeMap::new();
    let mut tables: BTreeMap<&str, &str> = BTreeMap::new();
    let mut violations = Vec::new();
    for source in sources {
        for declared in declarations(source) {
            if let Some(first) = letters.insert(&declared.letters.text, &source.path) {
                let message = format!(
                    "{} is the prefix of other ids in {first}: choose three other letters",
                    declared.letters.text
                );
                violations.push(Violation::new(&source.path, declared.letters.line, message));
            }
            let Some(table) = declared.table else { continue };
            if let Some(first) = tables.insert(&table.text, &source.path) {
                let message = format!("ids of the table {} are declared in {first}: use their type", table.text);
                violations.push(Violation::new(&source.path, table.line, message));
            }
        }
    }
    violations
}

struct Declaration<'s> {
    letters: &'s Token,
    /// Absent for the numbered ids of the queue, whose tables are not visible to clients.
    table: Option<&'s Token>,
}

/// Returns each `id_prefix! { Name = "abc" in "table" }` and each `const LETTERS: &'static str = "abc"`.
fn declarations(source: &Source) -> Vec<Declaration<'_>> {
    let tokens: Vec<_> = source.product().collect();
    let mut found = Vec::new();
    for (at, five) in tokens.windows(5).enumerate() {
        if let [name, equals, letters, within, table] = five
            && name.kind == Kind::Word
            && equals.is_mark("=")
            && letters.kind == Kind::Text
            && within.is_word("in")
            && table.kind == Kind::Text
        {
            found.push(Declaration { letters, table: Some(table) });
        }
        if five[0].is_word("const") && five[1].is_word("LETTERS") {
            let value = tokens[at..]
                .iter()
                .take_while(|token| !token.is_mark(";"))
                .skip_while(|token| !token.is_mark("="))
                .nth(1);
            found.extend(value.filter(|v| v.kind == Kind::Text).map(|letters| Declaration { letters, table: None }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(texts: &[&str]) -> usize {
        let source = |(n, text): (usize, &&str)| Source::new(&format!("crates/app/src/{n}.rs"), text);
        check(&texts.iter().enumerate().map(source).collect::<Vec<_>>()).len()
    }

    #[test]
    fn no_two_kinds_of_ids_share_a_prefix_or_a_table() {
        let notes = "kernel::id_prefix! { /// A note.\n pub NotePrefix = \"nte\" in \"notes\" }";
        assert_eq!(violations(&[notes, "id_prefix! { TaskPrefix = \"tsk\" in \"tasks\" }"]), 0);
        assert_eq!(violations(&[notes, "id_prefix! { TaskPrefix = \"nte\" in \"tasks\" }"]), 1);
        assert_eq!(violations(&[notes, "id_prefix! { TaskPrefix = \"tsk\" in \"notes\" }"]), 1);
        assert_eq!(violations(&[notes, "impl Kind for Job { const LETTERS: &'static str = \"nte\"; }"]), 1);
    }

    #[test]
    fn the_sources_of_the_product_are_read() {
        let root = crate::workspace::Workspace::load().unwrap().root;
        let sources = super::super::rust::read(&super::super::files::read(&root).unwrap());
        let found: Vec<_> =
            sources.iter().flat_map(declarations).map(|declared| declared.letters.text.as_str()).collect();
        for letters in ["org", "usr", "cus", "msg", "mrg", "evt", "job"] {
            assert!(found.contains(&letters), "{letters} is missing among {found:?}");
        }
        assert_eq!(check(&sources), []);
    }
}
