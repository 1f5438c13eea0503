//! HMAC-SHA256 with every secret of a rotation.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};
use kernel::{Error, Result, Secret};

use super::{Headers, equal, header, malformed, mismatch};
use crate::WebhookRequest;

/// The 32 bytes of an HMAC-SHA256.
pub type Mac = [u8; 32];

/// The keys, several during a rotation. The first one signs; all of them verify.
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Uses the text of each secret as a key, whatever its prefix.
    ///
    /// # Errors
    /// `Config`, naming `variable`, when there is no secret.
    pub fn text(secrets: &Secret, variable: &'static str) -> Result<Self> {
        Self::of(secrets.rotation().map(|secret| Ok(secret.as_bytes().to_vec())), variable)
    }

    /// Decodes secrets of the form `whsec_` and base64; the prefix may be missing.
    ///
    /// # Errors
    /// `Config`, naming `variable`, when there is no secret or one is not base64.
    pub fn whsec<'s>(secrets: impl Iterator<Item = &'s str>, variable: &'static str) -> Result<Self> {
        Self::of(
            secrets.map(|secret| {
                let digits = secret.strip_prefix("whsec_").unwrap_or(secret);
                BASE64.decode(digits.as_bytes()).ok().filter(|key| !key.is_empty()).ok_or_else(|| {
                    let message = format!("{variable} is not a signing secret: it is whsec_ and then base64");
                    Error::config("webhook_secret_malformed", message)
                })
            }),
            variable,
        )
    }

    fn of(keys: impl Iterator<Item = Result<Vec<u8>>>, variable: &'static str) -> Result<Self> {
        let keys =
            keys.map(|key| key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key))).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(Error::config("webhook_secret_empty", format!("{variable} holds no secret")));
        }
        Ok(Self(keys))
    }

    /// Signs the concatenated parts with the first key.
    pub fn sign(&self, parts: &[&[u8]]) -> Mac {
        self.0.first().map(|key| mac(key, parts)).unwrap_or_default()
    }

    /// Checks that one of the signatures was made over the concatenated parts with one of the keys.
    ///
    /// # Errors
    /// `Unauthenticated` when none was.
    pub fn verify(&self, parts: &[&[u8]], mut signatures: impl Iterator<Item = Mac>) -> Result<()> {
        let expected: Vec<Mac> = self.0.iter().map(|key| mac(key, parts)).collect();
        let known = signatures.any(|signature| expected.iter().any(|expected| equal(expected, &signature)));
        if known { Ok(()) } else { Err(mismatch()) }
    }

    /// Checks a signature over the body alone: `prefix` and hex in the first of the headers `names` that is present.
    ///
    /// # Errors
    /// `Unauthenticated` when there is none, it cannot be parsed, or it does not match.
    pub fn verify_body(&self, request: &WebhookRequest<'_>, names: &[&str], prefix: &str) -> Result<()> {
        let given = header(request, names)?.strip_prefix(prefix).and_then(hex);
        let given = given.ok_or_else(|| malformed(names.first().copied().unwrap_or_default()))?;
        self.verify(&[request.body], std::iter::once(given))
    }

    /// Returns the header that [`Keys::verify_body`] accepts.
    pub fn sign_body(&self, request: &WebhookRequest<'_>, name: &'static str, prefix: &str) -> Headers {
        vec![(name, format!("{prefix}{}", HEXLOWER.encode(&self.sign(&[request.body]))))]
    }
}

/// Decodes lower-case hex. Upper case is refused, so that a signature has exactly one spelling.
pub(super) fn hex(text: &str) -> Option<Mac> {
    decode(&HEXLOWER, text)
}

/// Decodes a signature in standard base64 with padding.
pub fn base64(text: &str) -> Option<Mac> {
    decode(&BASE64, text)
}

fn decode(encoding: &data_encoding::Encoding, text: &str) -> Option<Mac> {
    // One byte more than a signature has: the length in base64 does not tell 31, 32 and 33 bytes apart.
    let mut bytes = [0; 33];
    let length = encoding.decode_len(text.len()).ok().filter(|length| *length <= bytes.len())?;
    let read = encoding.decode_mut(text.as_bytes(), &mut bytes[..length]).ok()?;
    bytes[..read].try_into().ok()
}

fn mac(key: &hmac::Key, parts: &[&[u8]]) -> Mac {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut bytes = Mac::default();
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let keys = Keys::text(&Secret::new("Jefe"), "X").unwrap();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(HEXLOWER.encode(&keys.sign(&[b"what do ya want ", b"for nothing?"])), expected);
    }

    #[test]
    fn a_signature_has_one_spelling() {
        let mac = [0xab; 32];
        let (small, large) = (HEXLOWER.encode(&mac), data_encoding::HEXUPPER.encode(&mac));
        assert_eq!(hex(&small), Some(mac));
        let encoded = BASE64.encode(&mac);
        assert_eq!(base64(&encoded), Some(mac));
        for wrong in [large.as_str(), "", "ab", &small[1..], &small[2..], &format!("{small}ab"), &small.repeat(99)] {
            assert_eq!(hex(wrong), None, "{wrong}");
        }
        for wrong in [encoded.trim_end_matches('='), "", "====", &BASE64.encode(&[1; 31]), &BASE64.encode(&[1; 33])] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_used_names_its_variable_and_not_itself() {
        for wrong in ["whsec_not*base64", "whsec_", ",", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_x"] {
            let secret = Secret::new(wrong);
            let error = Keys::whsec(secret.rotation(), "ACME_SECRET").err().unwrap();
            assert_eq!(error.code, kernel::Code::Config);
            assert!(error.message.contains("ACME_SECRET") && !error.message.contains("not*"), "{error}");
        }
        assert!(Keys::text(&Secret::new(" , "), "ACME_SECRET").is_err());
    }
}
