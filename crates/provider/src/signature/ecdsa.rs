//! ECDSA on P-256 with SHA-256: only the vendor has the private key, so that Trunkline verifies and never signs.

use aws_lc_rs::{
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey},
};
use data_encoding::BASE64;
use kernel::{Error, Result};

use super::mismatch;

/// The accepted public keys, several during a rotation.
pub struct PublicKeys(Vec<ParsedPublicKey>);

impl PublicKeys {
    /// Parses keys in base64 (SubjectPublicKeyInfo, as vendors show them), separated by commas.
    ///
    /// # Errors
    /// `Config`, naming `variable`, when there is none or one cannot be parsed.
    pub fn parse(keys: &str, variable: &'static str) -> Result<Self> {
        let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(key).collect::<Option<Vec<_>>>();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self(keys)),
            Some(_) | None => {
                let message = format!("{variable} is not a public key: it is a P-256 key in base64");
                Err(Error::config("webhook_key_malformed", message))
            }
        }
    }

    /// Checks that the DER signature was made over the concatenated parts with the private half of a key.
    ///
    /// # Errors
    /// `Unauthenticated` when it was not.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<()> {
        let mut content = digest::Context::new(&digest::SHA256);
        for part in parts {
            content.update(part);
        }
        let content = content.finish();
        let known = self.0.iter().any(|key| key.verify_digest_sig(&content, signature).is_ok());
        if known { Ok(()) } else { Err(mismatch()) }
    }
}

/// A key has exactly one spelling: a point in compressed or hybrid form, which changes when it is written again, is not
/// what vendors show.
fn key(text: &str) -> Option<ParsedPublicKey> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &bytes).ok()?;
    let written: PublicKeyX509Der<'_> = key.as_der().ok()?;
    (written.as_ref() == bytes).then_some(key)
}
