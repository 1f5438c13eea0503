//! The few ways in which vendors sign.

/// SHA-256 over the parts, one after the other, in lower-case hex.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        digest.update(part);
    }
    data_encoding::HEXLOWER.encode(digest.finish().as_ref())
}
