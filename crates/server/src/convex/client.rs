//! The kind and the version of a client, which decide what it understands.

use std::cmp::Ordering;

/// A client as it names itself: `npm-1.48.0`, `rust-0.10.4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    /// The version of the npm package, where it is that.
    npm: Option<(u32, u32, u32)>,
}

/// The first npm package that puts chunks together.
const CHUNKS: (u32, u32, u32) = (1, 28, 0);
/// The last npm package that speaks an older protocol.
const TOO_OLD: (u32, u32, u32) = (0, 19, 1);
/// The first npm package that is content with plain JSON where it does not say what it wants.
const PLAIN_JSON: (u32, u32, u32) = (1, 4, 1);

impl Client {
    /// By the segment of a path: `1.48.0`. Only the npm package has one.
    pub(super) fn of_path(version: &str) -> Self {
        Self { npm: parse(version) }
    }

    /// By the header `Convex-Client`.
    pub(super) fn of_header(header: Option<&str>) -> Self {
        Self { npm: header.and_then(|header| header.strip_prefix("npm-")).and_then(parse) }
    }

    /// Whether it puts together what was cut in pieces.
    pub(super) fn takes_chunks(self) -> bool {
        self.npm.is_some_and(|version| version >= CHUNKS)
    }

    /// Whether it speaks a protocol that is no longer served.
    pub(super) fn is_too_old(self) -> bool {
        self.npm.is_some_and(|version| version.cmp(&TOO_OLD) != Ordering::Greater)
    }

    /// Whether it takes plain JSON unless it asks for something else.
    pub(super) fn takes_plain_json(self) -> bool {
        self.npm.is_none_or(|version| version >= PLAIN_JSON)
    }
}

/// `1.48.0`, also with a suffix behind it.
fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_for_newer_npm_clients_only() {
        for (version, takes) in [("1.48.0", true), ("1.28.0", true), ("1.28.0-alpha.1", true), ("1.27.9", false)] {
            assert_eq!(Client::of_path(version).takes_chunks(), takes, "{version}");
        }
        assert!(!Client::of_path("sync").takes_chunks());
        assert!(!Client::of_header(Some("rust-1.99.0")).takes_chunks());
        assert!(!Client::of_header(None).takes_chunks());
    }

    #[test]
    fn very_old_npm_clients_are_known() {
        assert!(Client::of_header(Some("npm-0.19.1")).is_too_old());
        assert!(!Client::of_header(Some("npm-0.19.2")).is_too_old());
        assert!(!Client::of_header(Some("rust-0.10.4")).is_too_old());
    }

    #[test]
    fn plain_json_is_what_most_clients_take() {
        assert!(Client::of_header(Some("npm-1.4.1")).takes_plain_json());
        assert!(!Client::of_header(Some("npm-1.4.0")).takes_plain_json());
        assert!(Client::of_header(Some("python-0.7.0")).takes_plain_json());
        assert!(Client::of_header(None).takes_plain_json());
    }
}
