//! Collects all failures, so that one run shows everything.

/// Sentences about what should not have happened.
#[derive(Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    /// Records a failure.
    pub(crate) fn note(&mut self, finding: String) {
        self.0.push(finding);
    }

    /// Records a failure when `fine` is false.
    pub(crate) fn check(&mut self, fine: bool, finding: impl FnOnce() -> String) {
        if !fine {
            self.note(finding());
        }
    }

    /// Fails when there is any.
    pub(crate) fn none(&self) {
        const SHOWN: usize = 40;
        const LONGEST: usize = 1500;
        let short = |finding: &String| finding.chars().take(LONGEST).collect::<String>();
        let shown: Vec<_> = self.0.iter().take(SHOWN).map(short).collect();
        assert!(self.0.is_empty(), "{} findings:\n{}\n", self.0.len(), shown.join("\n"));
    }
}

/// Returns `text` without what the caller sent, which the answer may repeat.
pub(crate) fn without_echo(text: &str, arguments: &serde_json::Value, who: &crate::world::Somebody) -> String {
    let mut said = Vec::new();
    strings(arguments, &mut said);
    said.extend(who.says.iter().chain(&who.wants).cloned());
    // Longest first, so that no part of a text is left over.
    said.sort_by_key(|said| std::cmp::Reverse(said.len()));
    said.iter().filter(|said| !said.is_empty()).fold(text.to_owned(), |text, said| text.replace(said, "…"))
}

fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}
