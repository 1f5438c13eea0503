//! The protocol's encoding of 64-bit numbers: base64 of the eight bytes, least significant first, because numbers in
//! JSON are floats.

use data_encoding::BASE64;
use kernel::{Error, Result};

/// Encodes a number: 0 is `AAAAAAAAAAA=`.
pub(super) fn encode(number: u64) -> String {
    BASE64.encode(&number.to_le_bytes())
}

/// Decodes what [`encode`] writes.
pub(super) fn decode(text: &str) -> Result<u64> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    bytes.map(u64::from_le_bytes).ok_or_else(|| {
        Error::bad_request("timestamp_invalid", "a timestamp is the base64 text of eight bytes, the least first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_eight_bytes_in_base64() {
        for (number, text) in [(0, "AAAAAAAAAAA="), (10, "CgAAAAAAAAA="), (u64::MAX, "//////////8=")] {
            assert_eq!(encode(number), text);
            assert_eq!(decode(text).unwrap(), number);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAAA", "10", "!!!!!!!!!!!="] {
            assert_eq!(decode(text).unwrap_err().tag, "timestamp_invalid", "{text}");
        }
    }
}
