//! `.env.example`.

use std::fmt::Write;

use super::Field;

/// The width at which comment lines are wrapped.
const WIDTH: usize = 100;

/// Writes one section of `.env.example`: each variable below its description, with its default. Every line is a
/// comment, so that the file changes nothing until a `#` is removed.
pub fn env_example(section: &str, fields: &[Field]) -> String {
    let mut text = format!("# --- {section} ---\n");
    for field in fields {
        text.push('\n');
        let choices = match &field.choices[..] {
            [] => String::new(),
            words => format!(" One of: {}.", words.join(", ")),
        };
        let optional = if field.required || field.default.is_some() { "" } else { " (Optional.)" };
        for line in folded(&format!("{}{choices}{optional}", field.doc)) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "# {}={}", field.variable, field.default.as_deref().unwrap_or_default());
    }
    text
}

fn folded(doc: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in doc.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
