//! How much memory a JSON text takes when it is parsed: a value may take many times the two bytes of its text.

/// Values that one message or body may have.
pub(super) const VALUES: usize = 1 << 18;

/// What a value takes in memory besides its text.
const VALUE: usize = 40;

/// About how many bytes a JSON text takes when it is read.
pub(super) fn weight(json: &[u8]) -> usize {
    json.len() + VALUE * values(json)
}

/// Whether there are more values in a JSON text than one may send.
pub(super) fn is_too_heavy(json: &[u8]) -> bool {
    // Each takes at least a byte.
    json.len() > VALUES && values(json) > VALUES
}

/// Counts what begins a value or a list: within strings there is none.
fn values(json: &[u8]) -> usize {
    let (mut values, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json {
        match (byte, is_text) {
            (b'"', _) if !is_escaped => is_text = !is_text,
            (b'[' | b'{' | b',', false) => values += 1,
            _ => {}
        }
        is_escaped = is_text && *byte == b'\\' && !is_escaped;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_what_looks_like_them_in_texts_is_not() {
        for (json, expected) in
            [("1", 1), ("[]", 2), ("[1,2,3]", 4), (r#"{"a":[1],"b":{}}"#, 5), (r#""[,{\"[,""#, 1), (r#"["\\",","]"#, 3)]
        {
            assert_eq!(values(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn a_long_text_is_light_and_a_long_list_is_not() {
        assert!(!is_too_heavy(format!("\"{}\"", ",".repeat(2 * VALUES)).as_bytes()));
        assert!(is_too_heavy(format!("[{}0]", "0,".repeat(VALUES)).as_bytes()));
    }
}
