//! A migration is one portable file, or exactly one pair for the two databases.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, files::File};

pub(super) fn is_migration(file: &File) -> bool {
    file.has_extension("sql") && file.folder().ends_with("/migrations")
}

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    // By folder and number: the name, and the dialects of its files.
    let mut numbers: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| is_migration(file)) {
        let Some((number, name, dialect)) = parts(file.name()) else {
            let message = "a migration is called 0001_what.sql, or 0001_what.sqlite.sql with 0001_what.postgres.sql";
            violations.push(Violation::new(&file.path, 1, message));
            continue;
        };
        numbers.entry((file.folder(), number)).or_default().entry(name).or_default().insert(dialect);
    }
    for ((folder, number), names) in numbers {
        if names.len() > 1 {
            let names = names.keys().copied().collect::<Vec<_>>().join(" and ");
            let message = format!("{names} share the number {number}: give the newer one the next number");
            violations.push(Violation::new(folder, 1, message));
            continue;
        }
        for (name, dialects) in names {
            let dialects: Vec<_> = dialects.into_iter().collect();
            if !matches!(dialects.as_slice(), ["portable"] | ["postgres", "sqlite"]) {
                let message = format!(
                    "{number}_{name} is there for {}: write one portable file, or exactly one pair",
                    dialects.join(" and ")
                );
                violations.push(Violation::new(folder, 1, message));
            }
        }
    }
    violations
}

/// Splits the name of a file into number, name and dialect.
fn parts(file: &str) -> Option<(&str, &str, &str)> {
    let stem = file.strip_suffix(".sql")?;
    let (stem, dialect) = match stem.rsplit_once('.') {
        Some((stem, dialect @ ("sqlite" | "postgres"))) => (stem, dialect),
        Some(_) => return None,
        None => (stem, "portable"),
    };
    let (number, name) = stem.split_once('_')?;
    let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !name.is_empty()).then_some((number, name, dialect))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(names: &[&str]) -> usize {
        let path = |name: &&str| File::new(&format!("crates/app/migrations/{name}"), "");
        check(&names.iter().map(path).collect::<Vec<_>>()).len()
    }

    #[test]
    fn one_portable_file_or_one_pair() {
        assert_eq!(violations(&["0001_a.sql", "0002_b.sqlite.sql", "0002_b.postgres.sql"]), 0);
        assert_eq!(violations(&["0001_a.sqlite.sql"]), 1);
        assert_eq!(violations(&["0001_a.sql", "0001_a.sqlite.sql"]), 1);
        assert_eq!(violations(&["0001_a.sql", "0001_a.sqlite.sql", "0001_a.postgres.sql"]), 1);
        assert_eq!(violations(&["0001_a.sql", "0001_b.sql"]), 1);
        assert_eq!(violations(&["first.sql", "0002_b.mysql.sql"]), 2);
    }
}
