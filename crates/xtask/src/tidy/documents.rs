//! Checks links, decisions and changelog fragments.

use super::{Violation, files::File};

/// Relative links must lead to a file or folder of the repository.
pub(super) fn links(file: &File, exists: impl Fn(&str) -> bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (line, text) in prose(&file.text) {
        for target in targets(&text) {
            let path = resolve(file.folder(), target);
            if !path.is_some_and(|path| exists(&path)) {
                let message = format!("the link {target} leads nowhere: correct the path or remove the link");
                violations.push(Violation::new(&file.path, line, message));
            }
        }
    }
    violations
}

/// A page in docs/decisions has a number, and sections for the decision, the reasons and the rejected alternatives.
pub(super) fn decision(file: &File) -> Vec<Violation> {
    if file.folder() != "docs/decisions" || file.name() == "README.md" {
        return Vec::new();
    }
    let mut violations = Vec::new();
    let has_number = file.name().split_once('-').is_some_and(|(number, _)| number.len() == 4 && is_number(number));
    if !has_number {
        violations.push(Violation::new(&file.path, 1, "a decision is called NNNN-title.md, with the next free number"));
    }
    for heading in ["What", "Why", "Rejected"] {
        let mut lines = file.text.lines();
        if !lines.any(|line| line.starts_with("##") && line.trim_start_matches('#').trim() == heading) {
            violations.push(Violation::new(&file.path, 1, format!("a decision has a heading `## {heading}`: add it")));
        }
    }
    violations
}

/// The kinds of changelog fragments: the middle of `changelog.d/slug.kind.md`.
pub(crate) const KINDS: [&str; 5] = ["added", "changed", "fixed", "removed", "security"];

/// A fragment has a kind and a text.
pub(super) fn fragment(file: &File) -> Vec<Violation> {
    if file.folder() != "changelog.d" || file.name() == "README.md" {
        return Vec::new();
    }
    let kind = file.name().trim_end_matches(".md").rsplit_once('.').map_or("", |(_, kind)| kind);
    let mut violations = Vec::new();
    if !KINDS.contains(&kind) {
        let message = format!("a fragment is called slug.kind.md, its kind is one of {}", KINDS.join(", "));
        violations.push(Violation::new(&file.path, 1, message));
    }
    if file.text.trim().is_empty() {
        violations.push(Violation::new(
            &file.path,
            1,
            "an empty fragment: say what changes for the person who upgrades",
        ));
    }
    violations
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The lines outside code blocks, with their numbers and without `code`.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        let outside_code = || line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        (!in_code).then(|| (at + 1, outside_code()))
    })
}

/// The targets of `[text](target)` and `[name]: target` that are not web addresses.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.match_indices("](").map(|(at, _)| {
        let target = &line[at + 2..];
        target.split([')', ' ']).next().unwrap_or_default()
    });
    let is_definition = line.starts_with('[') && !line.starts_with("[^");
    let definition = is_definition.then(|| line.split_once("]: ")).flatten().map(|(_, target)| target.trim());
    inline.chain(definition).filter(|target| !target.contains(':') && !target.starts_with('#'))
}

/// Resolves `target` in a file of `folder` to a path from the root; none when it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().unwrap_or_default();
    let (base, rest) = match target.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (folder, target),
    };
    let mut parts = Vec::new();
    for part in base.split('/').chain(rest.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<usize> {
        let exists = |path: &str| ["README.md", "docs", "docs/a.md"].contains(&path);
        links(&File::new("docs/a.md", text), exists).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(broken("[a](b.md) and\n[c](../README.md#x)\n[d]: ../../x\n[e](/docs/z.md)"), [1, 3, 4]);
        assert_eq!(
            broken("[a](a.md \"title\") [w](https://example.com) [m](mailto:a@b.c) [h](#x) [r](/README.md)"),
            [0; 0]
        );
        assert_eq!(broken("`[a](b.md)`\n```\n[a](b.md)\n```\n[^1]: a note"), [0; 0]);
    }

    #[test]
    fn a_decision_says_what_why_and_what_was_rejected() {
        let page = |name: &str, text: &str| decision(&File::new(&format!("docs/decisions/{name}"), text)).len();
        assert_eq!(page("0001-one.md", "# One\n## What\na\n## Why\nb\n## Rejected\nc\n"), 0);
        assert_eq!(page("0001-one.md", "# One\n## What\na\n"), 2);
        assert_eq!(page("one.md", "## What\n## Why\n## Rejected\n"), 1);
        assert_eq!(page("README.md", ""), 0);
    }

    #[test]
    fn a_fragment_has_a_kind_and_a_text() {
        let page = |name: &str, text: &str| fragment(&File::new(&format!("changelog.d/{name}"), text)).len();
        assert_eq!(page("inbox.added.md", "Webhooks are stored once.\n"), 0);
        assert_eq!(page("inbox.added.md", " \n"), 1);
        assert_eq!(page("inbox.md", "Webhooks are stored once.\n"), 1);
    }
}
