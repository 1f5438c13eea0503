//! Identities from JSON Web Tokens: the accepted issuers, their keys, and the claims of their tokens. The directory
//! decides what a person may do in an organization.

mod claims;
mod keys;
mod source;
mod token;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use kernel::{Code, Error, Result};
use provider::{auth::Issuer, http::Transport};

use crate::{Identity, World};
use source::Source;
use token::Token;

/// The issuers whose tokens are accepted. Clones are cheap and share the keys.
#[derive(Clone)]
pub struct Issuers(Arc<Shared>);

struct Shared {
    by_name: HashMap<String, Arc<Known>>,
    world: World,
}

/// An issuer and its keys.
struct Known {
    issuer: Issuer,
    keys: Arc<Source>,
}

impl Issuers {
    /// Creates the set of issuers. Where two have the same name, the first is used. Keys in files and settings are read
    /// now, keys at addresses when the first token arrives.
    ///
    /// # Errors
    /// `Config` when keys in a file or a setting cannot be used.
    pub fn new(issuers: impl IntoIterator<Item = Issuer>, transport: &Transport, world: &World) -> Result<Self> {
        let mut by_name = HashMap::new();
        for issuer in issuers {
            let keys = Arc::new(Source::new(&issuer, transport, world)?);
            let known = Arc::new(Known { issuer, keys });
            for name in &known.issuer.names {
                if let Entry::Vacant(place) = by_name.entry(name.clone()) {
                    place.insert(known.clone());
                }
            }
        }
        Ok(Self(Arc::new(Shared { by_name, world: world.clone() })))
    }

    /// Returns whether there is no issuer; then no token is accepted.
    pub fn is_empty(&self) -> bool {
        self.0.by_name.is_empty()
    }

    /// Returns the names of the issuers, in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Returns the identity in a token.
    ///
    /// # Errors
    /// `Unauthenticated` when the token is refused; the tag says why: `token_malformed`, `token_algorithm`,
    /// `token_issuer_unknown`, `token_key_missing`, `token_key_unknown`, `token_signature`, `token_expired`,
    /// `token_not_yet_valid`, `token_audience`, `token_subject`, `token_claims`, `token_incomplete`. `Unavailable`,
    /// `token_keys_unavailable`, when the issuer's keys cannot be fetched, which is not the caller's fault.
    pub async fn identity(&self, token: &str) -> Result<Identity> {
        let token = Token::parse(token)?;
        // Nothing in the token is trusted yet: its issuer's name only selects the keys that it must be signed with.
        let known = token.issuer().and_then(|name| self.0.by_name.get(name));
        let known = known.ok_or_else(|| {
            refused("token_issuer_unknown", "the token is from an issuer that this installation does not know")
        })?;
        if !known.issuer.algorithms.contains(&token.algorithm) {
            return Err(refused("token_algorithm", "the token is signed in a way that its issuer does not use"));
        }
        let keys = known.keys.with(&token.key_id).await?;
        keys.verify(&token)?;
        let claims = claims::read(&known.issuer, token.claims, self.0.world.now())?;
        Ok(Identity::Token(Arc::new(claims)))
    }
}

/// The error for a refused token. Its message contains nothing of the token.
fn refused(tag: &'static str, message: &'static str) -> Error {
    Error::new(Code::Unauthenticated, tag, message)
}

/// Lists the issuers' names.
impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
