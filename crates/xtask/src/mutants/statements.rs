//! The clauses in the features' statements that restrict them to an organization or caller.

use super::Mutant;

/// The replacements of clauses that are switched off.
const ALWAYS: [(&str, &str); 2] = [("$1", "$1 = $1"), ("$2", "$2 = $2")];

/// Clauses whose absence has no visible effect: the prefix of the name, and the reason.
const REDUNDANT: &[(&str, &str)] = &[
    (
        "clause billing::of_customer",
        "what follows from another's subscription is written to one's own of the same id, before what follows from that",
    ),
    (
        "clause contacts::known: c.org_id = i.org_id",
        "an identity leads to its contact by an id that was made by chance; a twin's name only counts where it is the new one",
    ),
];

/// Gives every clause in the text of a `store.rs` a switch.
pub(super) fn switchable(feature: &str, text: &str) -> (String, Vec<Mutant>) {
    let (mut out, mut mutants) = (String::with_capacity(text.len() * 2), Vec::new());
    let (mut rest, mut function) = (text, String::new());
    while let Some(begin) = rest.find(['"', '/', '\'', 'f']) {
        let (before, from) = rest.split_at(begin);
        out.push_str(before);
        let taken = match from.as_bytes() {
            [b'/', b'/', ..] => from.find('\n').unwrap_or(from.len()),
            [b'f', b'n', b' ', ..] => {
                let name = &from[3..];
                function = name[..name.find(['(', '<']).unwrap_or(name.len())].to_owned();
                3
            }
            // A character, such as '%'; not a lifetime.
            [b'\'', _, b'\'', ..] => 3,
            [b'"', ..] => {
                let end = end_of_literal(from);
                let found = clauses(feature, &function, &from[1..end - 1]);
                out.push_str(&literal(&from[..end], &found));
                mutants.extend(found.into_iter().map(|clause| clause.mutant));
                rest = &from[end..];
                continue;
            }
            _ => 1,
        };
        out.push_str(&from[..taken]);
        rest = &from[taken..];
    }
    out.push_str(rest);
    (out, mutants)
}

/// A clause that can be switched off, and the statement without it.
struct Clause {
    mutant: Mutant,
    without: String,
}

fn clauses(feature: &str, function: &str, statement: &str) -> Vec<Clause> {
    // A text for PostgreSQL alone, on which the policies hide what the clause would. SQLite's text of it has the same clauses.
    if statement.contains("= any($") {
        return Vec::new();
    }
    let places = places(feature, statement);
    let clause = |(number, (begin, end)): (usize, (usize, usize))| {
        let what = &statement[begin..end];
        let always = ALWAYS.iter().find(|(value, _)| what.ends_with(value)).map_or("1 = 1", |(_, always)| always);
        let always = if what.starts_with('(') { "(1 = 1 or $2 = 1" } else { always };
        let nth = if places.len() > 1 { format!(" #{}", number + 1) } else { String::new() };
        let name = format!("clause {feature}::{function}: {what}{nth}");
        let without = format!("{}{always}{}", &statement[..begin], &statement[end..]);
        let redundant = REDUNDANT.iter().find(|(begins, _)| name.starts_with(begins)).map(|(_, why)| *why);
        let mutant = Mutant { name, operations: operations(feature), first: "likeness", postgres: false, redundant };
        Clause { mutant, without }
    };
    places.iter().copied().enumerate().map(clause).collect()
}

/// How the names of a feature's operations begin.
fn operations(feature: &str) -> String {
    match feature {
        "api_keys" => "apiKeys:".to_owned(),
        "customer_files" => "customers:".to_owned(),
        feature => format!("{feature}:"),
    }
}

/// Where clauses begin and end in a statement.
fn places(feature: &str, statement: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for (at, _) in statement.match_indices("org_id = ") {
        let begin =
            statement[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').map_or(0, |at| at + 1);
        let value = at + "org_id = ".len();
        let after = &statement[value..];
        let length =
            after.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '$' | '.' | '_')).unwrap_or(after.len());
        let is_tie = after[..length].ends_with(".org_id");
        if &after[..length] == "$1" || is_tie {
            places.push((begin, value + length));
        }
    }
    // What an organization is to the tables of the installation.
    let others: &[&str] = match feature {
        "organizations" => &[" id = $1", " organization = $1"],
        "users" => &[" organization = $2"],
        "customers" => &["($2 = 1"],
        "invitations" if statement.contains("order by created_ms desc, invitation_id") => &[" email = $1"],
        _ => &[],
    };
    for other in others {
        let found =
            statement.match_indices(other).map(|(at, _)| (at + usize::from(other.starts_with(' ')), at + other.len()));
        places.extend(found);
    }
    places
}

/// The literal, as the choice between the statement and those without a clause.
fn literal(whole: &str, clauses: &[Clause]) -> String {
    if clauses.is_empty() {
        return whole.to_owned();
    }
    let variants: Vec<_> =
        clauses.iter().map(|clause| format!("({:?}, \"{}\")", clause.mutant.name, clause.without)).collect();
    format!("kernel::mutant::sql(&[{}], {whole})", variants.join(", "))
}

/// Where the literal that `text` begins with ends.
fn end_of_literal(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_of_every_statement_is_found() {
        let text = "fn one() { q(\"select 1 from t where t.org_id = $1 and id = $2\") } // \"org_id = $1\"\n\
                    fn two<T>() { q('\"', \"select a.org_id = b.org_id or org_id = $12 or org_id = $1\") }";
        let (changed, mutants) = switchable("things", text);
        let names: Vec<_> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "clause things::one: t.org_id = $1",
                "clause things::two: a.org_id = b.org_id #1",
                "clause things::two: org_id = $1 #2"
            ]
        );
        assert!(changed.contains("\"select 1 from t where $1 = $1 and id = $2\""), "{changed}");
        assert!(changed.contains("\"select 1 = 1 or org_id = $12 or org_id = $1\""), "{changed}");
        assert!(changed.ends_with("\"select a.org_id = b.org_id or org_id = $12 or org_id = $1\")) }"), "{changed}");
    }
}
