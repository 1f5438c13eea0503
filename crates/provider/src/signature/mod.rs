//! The few ways in which vendors sign, and the same ways forward, so that a test can play the vendor.
//!
//! Secrets are decoded once, when a source is made. Comparisons take constant time. A refusal says what did not match
//! and shows neither the secret nor the signature that was expected.

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

/// Headers as a vendor would send them: name and value.
pub type Headers = Vec<(&'static str, String)>;

/// The first of the headers `names` that the request has.
///
/// # Errors
/// `Unauthenticated` when it has none of them, naming the first.
pub fn header<'a>(request: &WebhookRequest<'a>, names: &[&str]) -> Result<&'a str> {
    names.iter().find_map(|name| request.header(name)).ok_or_else(|| {
        let name = names.first().copied().unwrap_or_default();
        refusal("signature_missing", format!("the header {name} is missing"))
    })
}

/// The refusal of a header that cannot be read.
pub fn malformed(header: &str) -> Error {
    refusal("signature_malformed", format!("the header {header} is not what this vendor sends"))
}

/// The refusal of a well-formed signature that none of the secrets makes.
pub fn mismatch() -> Error {
    refusal("signature_mismatch", "the signature was made with another secret or for another request".to_owned())
}

/// SHA-256 over the parts, one after the other, in lower-case hex.
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
