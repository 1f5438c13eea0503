//! Splits Rust text into tokens. It handles comments, every kind of literal, and lifetimes.

use super::{Kind, Token};

/// Returns the tokens of `text`, without its comments.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line: 1, tokens: Vec::new() };
    while let Some(first) = lexer.rest.chars().next() {
        lexer.step(first);
    }
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self, first: char) {
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment(self.rest));
        } else if let Some((length, text)) = string(self.rest) {
            self.push(Kind::Text, text);
            self.skip(length);
        } else if first == '\'' {
            self.skip(character_or_lifetime(self.rest));
        } else if first == '_' || first.is_alphanumeric() {
            let word = self.rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap_or_default();
            self.push(Kind::Word, word.to_owned());
            self.skip(word.len());
        } else if self.rest.starts_with("::") {
            self.push(Kind::Mark, "::".into());
            self.skip(2);
        } else {
            if !first.is_whitespace() {
                self.push(Kind::Mark, first.into());
            }
            self.skip(first.len_utf8());
        }
    }

    fn push(&mut self, kind: Kind, text: String) {
        self.tokens.push(Token { line: self.line, kind, text, test: false });
    }

    fn skip(&mut self, bytes: usize) {
        let (seen, rest) = self.rest.split_at(bytes);
        self.line += seen.matches('\n').count();
        self.rest = rest;
    }
}

/// Returns the length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the length and the value of a string literal of any kind at the beginning.
fn string(text: &str) -> Option<(usize, String)> {
    let letters = text.len() - text.trim_start_matches(['b', 'c', 'r']).len();
    let (prefix, rest) = text.split_at(letters.min(2));
    if !matches!(prefix, "" | "b" | "c" | "r" | "br" | "cr") {
        return None;
    }
    if prefix.ends_with('r') {
        return raw_string(rest).map(|(length, value)| (prefix.len() + length, value));
    }
    let inside = rest.strip_prefix('"')?;
    let mut end = None;
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => {
                end = Some(at);
                break;
            }
            '\\' => drop(characters.next()),
            _ => {}
        }
    }
    let end = end.unwrap_or(inside.len());
    Some(((prefix.len() + end + 2).min(text.len()), unescape(&inside[..end])))
}

fn raw_string(text: &str) -> Option<(usize, String)> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let inside = text[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).unwrap_or(inside.len());
    Some(((hashes + 1 + end + close.len()).min(text.len()), inside[..end].to_owned()))
}

/// Replaces the escapes that SQL texts contain.
fn unescape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escaped) = rest.chars().next() else { break };
        rest = &rest[escaped.len_utf8()..];
        match escaped {
            '\n' | '\r' => rest = rest.trim_start(),
            'n' => value.push('\n'),
            't' => value.push('\t'),
            other => value.push(other),
        }
    }
    value.push_str(rest);
    value
}

/// Returns the length of `'a'`, `'\n'` or `'lifetime`.
fn character_or_lifetime(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            characters.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            // A lifetime: its name follows as an ordinary word.
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<String> {
        tokens(source).into_iter().filter(|token| token.kind == kind).map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_not_code() {
        assert_eq!(texts("a // b\n/* c /* d */ e */ f /// g", Kind::Word), ["a", "f"]);
    }

    #[test]
    fn every_string_is_read() {
        let source = r##"f("a\"b", r"c\", r#"d"e"#, b"f", br"g", "h \
                 i")"##;
        assert_eq!(texts(source, Kind::Text), ["a\"b", "c\\", "d\"e", "f", "g", "h i"]);
    }

    #[test]
    fn characters_and_lifetimes_do_not_begin_strings() {
        assert_eq!(texts(r#"'"' 'a' '\'' '\u{1F600}' &'a str "x" 'ß'"#, Kind::Text), ["x"]);
        assert_eq!(texts("fn f<'a>(b: &'a str)", Kind::Word), ["fn", "f", "a", "b", "a", "str"]);
    }

    #[test]
    fn raw_names_and_ordinary_words_are_words() {
        assert_eq!(texts("r#type crb b br", Kind::Word), ["r", "type", "crb", "b", "br"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let last = tokens("\"a\nb\" /* \n */\nc").pop().unwrap();
        assert_eq!((last.text.as_str(), last.line), ("c", 4));
    }
}
