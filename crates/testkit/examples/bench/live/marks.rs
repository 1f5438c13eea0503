//! Marks: each commit writes a number, by which those who see it know which one they see.

use std::time::UNIX_EPOCH;

/// What a commit writes.
pub(crate) fn text(mark: usize) -> String {
    format!("mark {mark:09}")
}

/// Which commit a transition shows; none of another message.
pub(crate) fn shown(message: &str) -> Option<usize> {
    if !message.starts_with(r#"{"type":"Transition""#) {
        return None;
    }
    let (_, behind) = message.split_once("mark ")?;
    behind.get(..9)?.parse().ok()
}

/// The same transition for another commit.
pub(crate) fn again(transition: &str, mark: usize) -> String {
    match transition.split_once("mark ") {
        Some((before, behind)) => format!("{before}{}{}", text(mark), behind.get(9..).unwrap_or_default()),
        None => transition.to_owned(),
    }
}

/// The wall clock in nanoseconds: the server on the same machine has the same.
pub(crate) fn now() -> u64 {
    UNIX_EPOCH.elapsed().ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default()
}
