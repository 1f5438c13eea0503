//! The signature schemes of vendors, in both directions, so that a test can play the vendor.
//!
//! Secrets are decoded once, when a source is created. Comparisons take constant time. An error says what did not
//! match, and shows neither the secret nor the expected signature.

mod ecdsa;
mod keys;
mod shared;
mod stamped;
mod standard;
mod window;

use kernel::{Code, Error, Result};

use crate::WebhookRequest;

pub use ecdsa::PublicKeys;
pub use keys::{Keys, Mac, base64};
pub use shared::{Tokens, basic};
pub use stamped::{Stamped, Unit};
pub use standard::{Names, StandardWebhooks};
pub use window::Window;

/// Headers as a vendor would send them: names and values.
pub type Headers = Vec<(&'static str, String)>;

/// Returns the first of the headers `names` that the request has.
///
/// # Errors
/// `Unauthenticated` when it has none of them, naming the first.
pub fn header<'a>(request: &WebhookRequest<'a>, names: &[&str]) -> Result<&'a str> {
    names.iter().find_map(|name| request.header(name)).ok_or_else(|| {
        let name = names.first().copied().unwrap_or_default();
        refusal("signature_missing", format!("the header {name} is missing"))
    })
}

/// The error for a header that cannot be parsed.
pub fn malformed(header: &str) -> Error {
    refusal("signature_malformed", format!("the header {header} is not what this vendor sends"))
}

/// The error for a well-formed signature that does not match any of the secrets.
pub fn mismatch() -> Error {
    refusal("signature_mismatch", "the signature was made with another secret or for another request".to_owned())
}

/// Returns the SHA-256 of the concatenated parts, in lower-case hex.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    data_encoding::HEXLOWER.encode(&sha256(parts))
}

fn refusal(tag: &'static str, message: String) -> Error {
    Error::new(Code::Unauthenticated, tag, message)
}

fn sha256(parts: &[&[u8]]) -> Mac {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        digest.update(part);
    }
    let mut bytes = Mac::default();
    bytes.copy_from_slice(digest.finish().as_ref());
    bytes
}

fn equal(one: &Mac, other: &Mac) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}
