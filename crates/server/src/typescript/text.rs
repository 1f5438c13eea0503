//! Writes types as text.

use super::{
    names,
    shape::{Choice, Field, Shape},
};

/// The width of a line.
const WIDTH: usize = 120;
/// The width of an indentation.
const STEP: usize = 2;

/// Writes the type, whose first line is already indented by `indent` columns.
pub(super) fn shape(shape: &Shape, indent: usize) -> String {
    match shape {
        Shape::Any => "any".to_owned(),
        Shape::Never => "never".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Literal(value) => value.clone(),
        Shape::Id(table) => format!("Id<{}>", names::text(table)),
        Shape::Named(name) => names::of_type(name),
        Shape::List(of) => format!("Array<{}>", self::shape(of, indent)),
        Shape::Tuple(places) => format!("[{}]", joined(places, ", ", indent)),
        Shape::Map(of) => format!("{{ [key: string]: {} }}", self::shape(of, indent)),
        Shape::Object(fields) => object(fields, indent),
        Shape::Either(choices) => either(choices, indent),
        Shape::All(parts) => joined(parts, " & ", indent),
        Shape::PageOptions => "PaginationOptions".to_owned(),
        Shape::Page(of) => format!("PaginationResult<{}>", self::shape(of, indent)),
    }
}

/// Writes a comment above something that is indented by `indent` columns; empty without words.
pub(super) fn comment(words: &str, indent: usize) -> String {
    let space = " ".repeat(indent);
    // `*/` would end the comment.
    let words = words.trim().replace("*/", "*\\/");
    if words.is_empty() {
        return String::new();
    }
    let one = format!("{space}/** {words} */\n");
    if !words.contains('\n') && one.trim_end().chars().count() <= WIDTH {
        return one;
    }
    let mut comment = format!("{space}/**\n");
    for line in paragraphs(&words).iter().flat_map(|line| wrapped(line, WIDTH - indent - 3)) {
        comment.push_str(format!("{space} * {line}").trim_end());
        comment.push('\n');
    }
    comment + &format!("{space} */\n")
}

/// Joins each paragraph into one line: the line breaks of the source have no meaning.
fn paragraphs(words: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in words.lines().map(str::trim) {
        let begins = line.is_empty() || line.starts_with(['-', '*', '|', '`', '#']);
        match paragraphs.last_mut().filter(|last| !begins && !last.is_empty()) {
            Some(last) => *last += &format!(" {line}"),
            None => paragraphs.push(line.to_owned()),
        }
    }
    paragraphs
}

/// Wraps a line at `width`, where its words allow that.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.len() - 1;
        let taken = lines[last].chars().count();
        if taken == 0 {
            lines[last].push_str(word);
        } else if taken + 1 + word.chars().count() <= width {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Writes fields, each on a line of its own.
fn object(fields: &[Field], indent: usize) -> String {
    if fields.is_empty() {
        return "{}".to_owned();
    }
    let inner = indent + STEP;
    let mut text = "{\n".to_owned();
    for field in fields {
        text.push_str(&comment(&field.words, inner));
        let mark = if field.optional { "?" } else { "" };
        let of = shape(&field.shape, inner);
        text += &format!("{:inner$}{}{mark}: {of};\n", "", names::of_field(&field.name));
    }
    text + &format!("{:indent$}}}", "")
}

/// Writes a union on one line, or each variant with its description.
fn either(choices: &[Choice], indent: usize) -> String {
    if choices.is_empty() {
        return "never".to_owned();
    }
    let part = |choice: &Choice, indent: usize| {
        let text = shape(&choice.shape, indent);
        if matches!(choice.shape, Shape::All(_)) { format!("({text})") } else { text }
    };
    if choices.iter().all(|choice| choice.words.is_empty()) {
        return choices.iter().map(|choice| part(choice, indent)).collect::<Vec<_>>().join(" | ");
    }
    let inner = indent + STEP;
    let mut text = String::new();
    for choice in choices {
        let of = part(choice, inner);
        text += &format!("\n{}{:inner$}| {of}", comment(&choice.words, inner), "");
    }
    text
}

fn joined(parts: &[Shape], between: &str, indent: usize) -> String {
    let part = |one: &Shape| {
        let text = shape(one, indent);
        if matches!(one, Shape::Either(_) | Shape::All(_)) { format!("({text})") } else { text }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_wrapped_anew_and_never_ends_early() {
        assert_eq!(comment("All of */ them.", 2), "  /** All of *\\/ them. */\n");
        let words = "One\nparagraph.\n\n- A\n- list.";
        assert_eq!(comment(words, 0), "/**\n * One paragraph.\n *\n * - A\n * - list.\n */\n");
        assert_eq!(comment("", 4), "");
    }
}
