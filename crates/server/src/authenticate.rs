//! Resolves the headers of a request to a caller in an organization.

use std::net::IpAddr;

use async_trait::async_trait;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use engine::{Identity, Who};
use kernel::{Code, Error, Result};

use crate::{Api, Options, listen::Peer};

/// The organization to act in, for a caller who belongs to several: its id, or its external id.
pub(crate) const X_ORGANIZATION: HeaderName = HeaderName::from_static("x-organization");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Resolves a token or an API key to an identity.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Returns the identity behind `token`: a JWT of a configured issuer, or an API key.
    ///
    /// # Errors
    /// `Unauthenticated` when the token or key is not valid.
    async fn identity(&self, token: &str) -> Result<Identity>;
}

/// Returns the identity and the wanted organization of a caller. Without an `Authorization` header the identity is
/// anonymous.
pub(crate) async fn who(api: &Api, headers: &HeaderMap, origin: Option<IpAddr>) -> Result<Who> {
    let identity = match bearer(headers)? {
        Some(token) => api.authenticator.identity(token).await?,
        None => Identity::Anonymous,
    };
    let wanted = text(headers, &X_ORGANIZATION)?;
    api.operations.enter(identity, wanted, origin.map(|address| address.to_string())).await
}

/// Returns the address that a request came from, as far as it can be known.
pub(crate) fn address(options: &Options, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<Peer>().map(|peer| peer.0);
    if options.proxies == 0 {
        return peer;
    }
    // Each proxy appends the address of its own client; what stands before the entries of our proxies was sent by the
    // caller and may be invented.
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter().filter_map(|line| line.to_str().ok());
    let heard: Vec<_> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let nearest = heard.len().checked_sub(options.proxies).and_then(|at| heard.get(at)?.parse().ok());
    nearest.or(peer)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(shown) = text(headers, &header::AUTHORIZATION)? else { return Ok(None) };
    match shown.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim()))
        }
        _ => Err(Error::new(
            Code::Unauthenticated,
            "authorization_scheme",
            "Authorization is `Bearer` and a token or an API key",
        )),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| Error::bad_request("header_malformed", format!("{name} is not plain text")))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn options(proxies: usize) -> Options {
        Options { proxies, ..Options::new("http://127.0.0.1/".parse().unwrap()) }
    }

    fn heard(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_static(line))).collect()
    }

    fn peer() -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(Peer("10.0.0.1".parse().unwrap()));
        extensions
    }

    #[test]
    fn only_what_our_own_proxies_say_of_an_address_is_believed() {
        let of =
            |proxies, lines: &[&'static str]| address(&options(proxies), &heard(lines), &peer()).unwrap().to_string();
        assert_eq!(of(0, &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(of(1, &["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(of(2, &["6.6.6.6, 1.1.1.1", "10.0.0.9"]), "1.1.1.1");
        assert_eq!(of(1, &["nonsense"]), "10.0.0.1");
        assert_eq!(of(2, &["1.1.1.1"]), "10.0.0.1");
    }

    #[test]
    fn a_bearer_is_read_whatever_the_case_of_the_word_and_anything_else_is_refused() {
        let shown =
            |value: &'static str| [(header::AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect();
        assert_eq!(bearer(&shown("bearer sk_1")).unwrap(), Some("sk_1"));
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        for wrong in ["", "Bearer", "Bearer  ", "Basic dTpw", "sk_1"] {
            assert_eq!(bearer(&shown(wrong)).unwrap_err().tag, "authorization_scheme", "{wrong}");
        }
    }
}
