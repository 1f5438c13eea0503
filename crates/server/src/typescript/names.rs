//! Writes names as TypeScript accepts them.

/// Returns the name of a type. Schemas of generic types have names with other characters.
pub(super) fn of_type(name: &str) -> String {
    let mut safe: String = name.chars().map(|letter| if is_inside(letter) { letter } else { '_' }).collect();
    if safe.starts_with(|letter: char| letter.is_ascii_digit()) {
        safe.insert(0, '_');
    }
    safe
}

/// Returns the name of a field or a function, in quotes where necessary.
pub(super) fn of_field(name: &str) -> String {
    let begins = name.starts_with(|letter: char| is_inside(letter) && !letter.is_ascii_digit());
    if begins && name.chars().all(is_inside) { name.to_owned() } else { text(name) }
}

/// Returns a text in quotes.
pub(super) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_inside(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_in_typescript_are_quoted_or_changed() {
        assert_eq!(of_field("_creationTime"), "_creationTime");
        assert_eq!(of_field("delete"), "delete");
        assert_eq!(of_field("2fa"), "\"2fa\"");
        assert_eq!(of_field("a-\"b\""), r#""a-\"b\"""#);
        assert_eq!(of_type("Map_of_<int8>"), "Map_of__int8_");
        assert_eq!(of_type("3D"), "_3D");
    }
}
