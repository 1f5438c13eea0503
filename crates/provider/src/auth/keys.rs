//! The source of an issuer's public keys.

use std::{fmt, path::PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD};
use kernel::{Error, Result};
use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

/// A JSON Web Key Set: at an address, in a file, or inline.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySet {
    /// The address of the set.
    Address(Url),
    /// The path of the file.
    File(PathBuf),
    /// The set itself.
    Inline(Vec<u8>),
}

impl KeySet {
    /// Parses an address (`https://…`; `http://` only for this machine), the path of a file, or a `data:` URL.
    ///
    /// # Errors
    /// `Config` when the text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("data:") {
            let inline = inline(rest).ok_or_else(|| malformed("its data: URL is not complete, or not base64"))?;
            return Ok(Self::Inline(inline));
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Self::File(path.into()));
        }
        if !text.contains("://") {
            return if text.is_empty() { Err(malformed("it is empty")) } else { Ok(Self::File(text.into())) };
        }
        let address: Url = text.parse().map_err(|error| malformed("its address is not valid").source(error))?;
        Self::address(address)
    }

    /// Creates the source for the keys at this address.
    ///
    /// # Errors
    /// `Config` when the address is plain HTTP to another machine, where the keys could be changed on the way.
    pub fn address(address: Url) -> Result<Self> {
        match address.scheme() {
            "https" => Ok(Self::Address(address)),
            "http" if is_this_machine(&address) => Ok(Self::Address(address)),
            _ => Err(malformed("its address must begin with https:// (http:// is for this machine only)")),
        }
    }
}

fn malformed(why: &'static str) -> Error {
    Error::config("issuer_keys_malformed", format!("the key set of an issuer cannot be used: {why}"))
}

fn is_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Returns the content of a `data:` URL, given from its media type on.
fn inline(rest: &str) -> Option<Vec<u8>> {
    let (kind, data) = rest.split_once(',')?;
    let data = unescaped(data)?;
    if !kind.ends_with(";base64") {
        return Some(data);
    }
    BASE64.decode(&data).or_else(|_| BASE64_NOPAD.decode(&data)).ok()
}

/// Decodes percent escapes: `%7B` is `{`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Without path and query, which may contain a token.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "Address({})", address.host_str().unwrap_or_default()),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Inline(_) => f.write_str("Inline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_at_an_address_in_a_file_or_written_out() {
        let inline = |text: &str| KeySet::Inline(text.as_bytes().to_vec());
        for (text, expected) in [
            ("data:application/json;base64,eyJrZXlzIjpbXX0=", inline(r#"{"keys":[]}"#)),
            ("data:text/plain;charset=utf-8;base64,eyJrZXlzIjpbXX0%3D", inline(r#"{"keys":[]}"#)),
            ("data:;base64,eyJrZXlzIjpbXX0", inline(r#"{"keys":[]}"#)),
            ("data:application/json,%7B\"keys\":[]%7d", inline(r#"{"keys":[]}"#)),
            ("keys/jwks.json", KeySet::File("keys/jwks.json".into())),
            ("file:///etc/jwks.json", KeySet::File("/etc/jwks.json".into())),
        ] {
            assert_eq!(KeySet::parse(text).unwrap(), expected, "{text}");
        }
        for address in ["https://a.example/jwks", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost:8080/x"] {
            assert_eq!(KeySet::parse(address).unwrap(), KeySet::Address(address.parse().unwrap()));
        }
    }

    #[test]
    fn keys_that_somebody_on_the_way_could_change_are_refused() {
        for text in [
            "http://a.example/jwks",
            "http://10.0.0.1/",
            "ftp://a.example/",
            "https://",
            "",
            "data:nothing",
            "data:;base64,!!",
            "data:,%",
            "data:,%zz",
            "http://localhost.example/",
        ] {
            let error = KeySet::parse(text).unwrap_err();
            assert_eq!(error.code, kernel::Code::Config, "{text}");
        }
    }

    #[test]
    fn what_an_address_carries_is_not_shown() {
        let keys = KeySet::parse("https://user:pass@a.example/secret?token=1").unwrap();
        assert_eq!(format!("{keys:?}"), "Address(a.example)");
    }
}
