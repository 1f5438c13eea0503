//! The state version of a connection. Every transition starts from the end of the one before.
//!
//! The client counts its query sets and its identities, the server gives the timestamp.

use super::{close::Close, codec};

/// What a client has been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub query_set: u32,
    pub identity: u32,
    pub ts: u64,
}

/// The version that was shown, and the one that the client has asked for since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Versions {
    shown: Version,
    query_set: u32,
    identity: u32,
}

impl Version {
    /// As the wire has it.
    pub(super) fn json(self) -> String {
        let Self { query_set, identity, ts } = self;
        format!(r#"{{"querySet":{query_set},"identity":{identity},"ts":"{}"}}"#, codec::encode(ts))
    }
}

impl Versions {
    /// The client changes its queries. A number out of order means that one of us has lost count: the client begins
    /// again on a new connection.
    pub(super) fn modify(&mut self, base: u32, new: u32) -> Result<(), Close> {
        if base != self.query_set || new <= base {
            return Err(Close::protocol("a query set that does not follow the one before"));
        }
        self.query_set = new;
        Ok(())
    }

    /// The client shows who it is.
    pub(super) fn authenticate(&mut self, base: u32) -> Result<(), Close> {
        if base != self.identity {
            return Err(Close::protocol("an identity that does not follow the one before"));
        }
        self.identity = base.checked_add(1).ok_or_else(|| Close::protocol("too many identities"))?;
        Ok(())
    }

    /// What was shown last.
    pub(super) fn shown(&self) -> Version {
        self.shown
    }

    /// The next transition leads to `ts`: from where to where.
    pub(super) fn advance(&mut self, ts: u64) -> (Version, Version) {
        let start = self.shown;
        self.shown = Version { query_set: self.query_set, identity: self.identity, ts: ts.max(start.ts) };
        (start, self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_make_an_unbroken_chain_from_zero() {
        let mut versions = Versions::default();
        versions.authenticate(0).unwrap();
        versions.modify(0, 1).unwrap();
        let (start, first) = versions.advance(5);
        assert_eq!(start, Version::default());
        assert_eq!(first, Version { query_set: 1, identity: 1, ts: 5 });
        versions.modify(1, 4).unwrap();
        assert_eq!(versions.advance(9), (first, Version { query_set: 4, identity: 1, ts: 9 }));
    }

    #[test]
    fn time_never_goes_back() {
        let mut versions = Versions::default();
        versions.advance(9);
        assert_eq!(versions.advance(5).1.ts, 9);
    }

    #[test]
    fn numbers_out_of_order_are_refused() {
        let mut versions = Versions::default();
        for (base, new) in [(1, 2), (0, 0)] {
            assert!(versions.modify(base, new).is_err());
        }
        assert!(versions.authenticate(1).is_err());
        versions.modify(0, 3).unwrap();
        assert!(versions.modify(1, 4).is_err());
        assert!(versions.modify(3, 2).is_err());
    }

    #[test]
    fn a_version_is_written_with_its_time_as_text() {
        let version = Version { query_set: 1, identity: 0, ts: 10 };
        assert_eq!(version.json(), r#"{"querySet":1,"identity":0,"ts":"CgAAAAAAAAA="}"#);
    }
}
