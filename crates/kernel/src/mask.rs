//! Masks personal data and credentials in text that is logged.

use std::borrow::Cow;

/// Returns `text` with e-mail addresses, phone numbers and texts that look like keys made unreadable.
///
/// It rather hides too much than too little: a run of nine or more digits counts as a phone number.
pub fn mask(text: &str) -> Cow<'_, str> {
    if !text.split(is_boundary).any(needs_mask) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = &rest[..rest.find(is_boundary).unwrap_or(rest.len())];
        masked.push_str(&mask_word(word));
        rest = &rest[word.len()..];
        let boundary = &rest[..rest.find(|c| !is_boundary(c)).unwrap_or(rest.len())];
        masked.push_str(boundary);
        rest = &rest[boundary.len()..];
    }
    Cow::Owned(masked)
}

const KEY_PREFIXES: [&str; 9] = ["sk_", "whsec_", "whsk_", "polar_", "re_", "SG.", "Bearer", "eyJ", "xai-"];

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '=' | ':')
}

fn needs_mask(word: &str) -> bool {
    is_key(word) || is_email(word) || digits(word) >= 9
}

fn mask_word(word: &str) -> Cow<'_, str> {
    if is_key(word) {
        let prefix = word.find(['_', '.', '-']).map_or("", |at| &word[..=at]);
        return Cow::Owned(format!("{prefix}…"));
    }
    if is_email(word) {
        let (_, domain) = word.rsplit_once('@').unwrap_or(("", word));
        return Cow::Owned(format!("…@{domain}"));
    }
    if digits(word) >= 9 {
        return Cow::Owned(mask_digits(word));
    }
    Cow::Borrowed(word)
}

fn is_key(word: &str) -> bool {
    word.len() >= 12 && KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}

/// Returns the length of the longest run of digits; the separators that people write in phone numbers do not end a run.
fn digits(word: &str) -> usize {
    word.split(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '.' | '/'))
        .map(|run| run.bytes().filter(u8::is_ascii_digit).count())
        .max()
        .unwrap_or(0)
}

/// Replaces all digits but the last two with `•`.
fn mask_digits(word: &str) -> String {
    let total = word.bytes().filter(u8::is_ascii_digit).count();
    let mut seen = 0;
    word.chars()
        .map(|c| {
            seen += usize::from(c.is_ascii_digit());
            if c.is_ascii_digit() && seen + 2 <= total { '•' } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_keys_are_hidden() {
        assert_eq!(mask("call +491701234567 now"), "call +••••••••••67 now");
        assert_eq!(mask("from ada@example.com"), "from …@example.com");
        assert_eq!(mask("key sk_live_0123456789abcdef"), "key sk_…");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["listening on 127.0.0.1:3000", "12 rows in 4.5 ms", "customers:create", "evt_01kaj3v0q8e5"] {
            assert_eq!(mask(text), text);
        }
    }
}
