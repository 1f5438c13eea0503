//! Vendors that do not sign: each request contains a text that both sides know.

use data_encoding::BASE64;
use kernel::{Error, Result};

use super::{Mac, equal, mismatch, sha256};

/// The accepted texts. Only their hashes are kept, so that comparisons take the same time for every length.
pub struct Tokens(Vec<Mac>);

impl Tokens {
    /// Accepts each of `texts`.
    pub fn new(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(texts.into_iter().map(|text| sha256(&[text.as_ref().as_bytes()])).collect())
    }

    /// Accepts each of `texts`, of which there must be at least one.
    ///
    /// # Errors
    /// `Config`, naming `variable`, when there is none.
    pub fn required(texts: impl IntoIterator<Item = impl AsRef<str>>, variable: &'static str) -> Result<Self> {
        let tokens = Self::new(texts);
        if tokens.is_empty() {
            return Err(Error::config("webhook_secret_empty", format!("{variable} holds no secret")));
        }
        Ok(tokens)
    }

    /// Checks that `given` is one of the accepted texts.
    ///
    /// # Errors
    /// `Unauthenticated` when it is not.
    pub fn verify(&self, given: &str) -> Result<()> {
        let given = sha256(&[given.as_bytes()]);
        if self.0.iter().any(|known| equal(known, &given)) { Ok(()) } else { Err(mismatch()) }
    }

    /// Returns whether no text is accepted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the `Authorization` header of HTTP Basic.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_what_the_vendor_documents() {
        assert_eq!(basic("hook", "s3cret"), "Basic aG9vazpzM2NyZXQ=");
    }

    #[test]
    fn only_the_exact_text_is_accepted() {
        let tokens = Tokens::new(["one", "two"]);
        assert!(tokens.verify("one").is_ok() && tokens.verify("two").is_ok());
        for wrong in ["", "On", "one ", "onetwo", "ONE"] {
            assert!(tokens.verify(wrong).is_err(), "{wrong}");
        }
    }
}
