//! Text from vendors, handlers and libraries as it is stored.

use std::borrow::Cow;

/// The text without control characters. PostgreSQL stores no NUL, SQLite's tools end a text at one, and a terminal obeys
/// the others: line breaks and tabs become spaces, anything else becomes U+FFFD.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    Cow::Owned(replaced.collect())
}

/// As [`storable`], for a text that is owned already.
pub(crate) fn into_storable(text: String) -> String {
    match storable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => replaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_everything_else_stays() {
        assert_eq!(storable("a\0b\u{1b}[31m\nc\td\u{85}"), "a\u{fffd}b\u{fffd}[31m c d\u{fffd}");
        assert!(matches!(storable("żółw 🐢"), Cow::Borrowed("żółw 🐢")));
        assert_eq!(into_storable("nul\0".to_owned()), "nul\u{fffd}");
    }
}
