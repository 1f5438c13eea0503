//! Rust sources as tokens, detailed enough to tell code, text and tests apart.

mod lexer;

use std::collections::BTreeSet;

use super::files::File;

/// One Rust file.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) tokens: Vec<Token>,
}

/// A token; comments have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: Kind,
    /// The word, the mark, or the value of a literal.
    pub(super) text: String,
    /// Whether only tests compile it.
    pub(super) test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, a keyword or a number.
    Word,
    /// Punctuation, one character each, but `::` is one mark.
    Mark,
    /// A string literal.
    Text,
}

/// Reads all Rust files, and marks what only tests compile, also in separate files.
pub(super) fn read(files: &[File]) -> Vec<Source> {
    let rust = files.iter().filter(|file| file.has_extension("rs"));
    let mut sources: Vec<_> = rust.map(|file| Source::new(&file.path, &file.text)).collect();
    let test_modules: BTreeSet<_> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let module = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let is_test = test_modules.iter().any(|test| module == test || module.starts_with(&format!("{test}/")));
        if is_test {
            source.tokens.iter_mut().for_each(|token| token.test = true);
        }
    }
    sources
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut tokens = lexer::tokens(text);
        let whole_file = ["/tests/", "/benches/", "/examples/"].iter().any(|folder| path.contains(folder));
        mark_tests(&mut tokens, whole_file);
        Self { path: path.into(), tokens }
    }

    /// Returns the name of the crate.
    pub(super) fn crate_name(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or("")
    }

    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the tokens that are compiled into the product.
    pub(super) fn product(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| !token.test)
    }

    /// Returns the places where the words `path` follow each other with `::` between them.
    ///
    /// The last part may also be in a group: `std::{fs, io}` mentions `std::fs`.
    pub(super) fn mentions(&self, path: &[&str]) -> Vec<&Token> {
        let (Some((last, parents)), tokens) = (path.split_last(), &self.tokens) else { return Vec::new() };
        let mut found = Vec::new();
        for start in 0..tokens.len() {
            let mut at = start;
            let matches = parents.iter().all(|part| {
                let here = tokens.get(at).is_some_and(|token| token.is_word(part));
                let arrow = tokens.get(at + 1).is_some_and(|token| token.is_mark("::"));
                at += 2;
                here && arrow
            });
            if !matches {
                continue;
            }
            if tokens.get(at).is_some_and(|token| token.is_word(last)) {
                found.push(&tokens[at]);
            } else if tokens.get(at).is_some_and(|token| token.is_mark("{")) {
                found.extend(group(&tokens[at..]).filter(|token| token.is_word(last)));
            }
        }
        found
    }

    /// Returns the modules that this file declares for tests only, as paths without `.rs`.
    fn test_modules(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs");
        let folder = match self.name() {
            "mod.rs" | "lib.rs" | "main.rs" => stem.rsplit_once('/').map_or("", |(folder, _)| folder),
            _ => stem,
        };
        let mut found = Vec::new();
        for (at, three) in self.tokens.windows(3).enumerate() {
            if !(three[0].test && three[0].is_word("mod") && three[1].kind == Kind::Word && three[2].is_mark(";")) {
                continue;
            }
            // `#[path = "…"]` directly above the module is relative to the folder of this file.
            let elsewhere = match &self.tokens[..at] {
                [.., path, equals, file, close]
                    if path.is_word("path") && equals.is_mark("=") && close.is_mark("]") =>
                {
                    self.path.rsplit_once('/').map(|(own, _)| format!("{own}/{}", file.text.trim_end_matches(".rs")))
                }
                _ => None,
            };
            found.push(elsewhere.unwrap_or_else(|| format!("{folder}/{}", three[1].text)));
        }
        found
    }
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    pub(super) fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }
}

/// Returns the first word of each item in the braces that `tokens` begins with.
fn group(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    let mut depth = 0_usize;
    let inside = tokens.iter().enumerate().take_while(move |(_, token)| {
        depth = match token.text.as_str() {
            "{" if token.kind == Kind::Mark => depth + 1,
            "}" if token.kind == Kind::Mark => depth.saturating_sub(1),
            _ => depth,
        };
        depth > 0
    });
    inside.filter_map(|(at, token)| {
        let before = tokens.get(at.checked_sub(1)?)?;
        (token.kind == Kind::Word && (before.is_mark("{") || before.is_mark(","))).then_some(token)
    })
}

/// Marks the items below `#[cfg(test)]`, and everything when the file contains only tests.
fn mark_tests(tokens: &mut [Token], whole_file: bool) {
    if whole_file {
        tokens.iter_mut().for_each(|token| token.test = true);
        return;
    }
    let mut at = 0;
    while at < tokens.len() {
        let Some((end, is_test, is_inner)) = attribute(&tokens[at..]) else {
            at += 1;
            continue;
        };
        let after = at + end;
        if is_test && is_inner {
            tokens.iter_mut().for_each(|token| token.test = true);
            return;
        }
        if is_test {
            let item_end = after + item_length(&tokens[after..]);
            tokens[at..item_end].iter_mut().for_each(|token| token.test = true);
            at = item_end;
        } else {
            at = after;
        }
    }
}

/// Returns the length of an attribute at the beginning, whether it is `cfg(test)` or `cfg(all(test, …))`, and whether
/// it has a `!`.
fn attribute(tokens: &[Token]) -> Option<(usize, bool, bool)> {
    tokens.first().filter(|token| token.is_mark("#"))?;
    let is_inner = tokens.get(1)?.is_mark("!");
    let open = if is_inner { 2 } else { 1 };
    tokens.get(open).filter(|token| token.is_mark("["))?;
    let length = open + closing(&tokens[open..], "[", "]")? + 1;
    let words: Vec<_> = tokens[open..length].iter().filter(|t| t.kind == Kind::Word).map(|t| t.text.as_str()).collect();
    let is_test = matches!(words.as_slice(), ["cfg", "test"] | ["cfg", "all", "test", ..]);
    Some((length, is_test, is_inner))
}

/// Returns the number of tokens of the next item, with its other attributes.
fn item_length(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some((length, _, _)) = attribute(&tokens[at..]) {
        at += length;
    }
    while let Some(token) = tokens.get(at) {
        let pair = match token.text.as_str() {
            ";" if token.kind == Kind::Mark => return at + 1,
            "(" if token.kind == Kind::Mark => (")", false),
            "[" if token.kind == Kind::Mark => ("]", false),
            "{" if token.kind == Kind::Mark => ("}", true),
            _ => {
                at += 1;
                continue;
            }
        };
        let Some(end) = closing(&tokens[at..], &token.text, pair.0) else { return tokens.len() };
        at += end + 1;
        // `use a::{b};` continues after its braces, a module does not.
        if pair.1 && !tokens.get(at).is_some_and(|next| next.is_mark(";")) {
            return at;
        }
    }
    tokens.len()
}

/// Returns the position at which the bracket that `tokens` begins with is closed.
fn closing(tokens: &[Token], open: &str, close: &str) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        if token.is_mark(open) {
            depth += 1;
        } else if token.is_mark(close) {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product_words(text: &str) -> Vec<String> {
        Source::new("crates/app/src/lib.rs", text).product().map(|token| token.text.clone()).collect()
    }

    #[test]
    fn what_only_tests_compile_is_marked() {
        assert_eq!(product_words("a; #[cfg(test)] #[path(x)] mod tests { fn b() { c[1]; } } d"), ["a", ";", "d"]);
        assert_eq!(product_words("#[cfg(test)] use a::{b, c}; d"), ["d"]);
        assert_eq!(product_words("#[cfg(test)] fn f(a: [u8; 2]) -> X { y } d"), ["d"]);
        assert!(product_words("#![cfg(test)] fn f() {}").is_empty());
        assert!(product_words("#[cfg(not(test))] mod real;").contains(&"real".to_owned()));
    }

    #[test]
    fn a_test_module_in_its_own_file_is_a_test() {
        let files = [
            File::new("crates/app/src/a.rs", "#[cfg(test)] mod checks; mod real;"),
            File::new("crates/app/src/b.rs", "#[cfg(test)] #[path = \"b_tests.rs\"] mod tests;"),
            File::new("crates/app/src/b_tests.rs", "x"),
            File::new("crates/app/src/a/checks.rs", "x"),
            File::new("crates/app/src/a/real.rs", "x"),
        ];
        let tests: Vec<_> = read(&files).iter().map(|source| source.product().count() == 0).collect();
        assert_eq!(tests, [false, true, true, true, false]);
    }

    #[test]
    fn paths_are_found_alone_and_in_groups() {
        let source = Source::new("crates/app/src/a.rs", "use std::{collections::fs, io, fs};\nstd::fs::read(); fs();");
        let lines: Vec<_> = source.mentions(&["std", "fs"]).iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2]);
    }
}
