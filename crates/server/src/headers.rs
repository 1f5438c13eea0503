//! Security headers of every answer, which restrict what browsers do with it.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, header},
};

use crate::Options;

/// For two years, browsers that received this header connect over TLS only.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// An answer that is not a page may load nothing, and may not be framed.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const X_PERMITTED_CROSS_DOMAIN_POLICIES: HeaderName = HeaderName::from_static("x-permitted-cross-domain-policies");

/// Adds the headers. A policy that the answer already has is kept: a page with nonces sets its own.
pub(crate) fn secure(response: &mut Response<Body>, options: &Options) {
    let policy = if is_page(response) { page_policy(&options.page_sources) } else { NOTHING };
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.insert(X_PERMITTED_CROSS_DOMAIN_POLICIES, HeaderValue::from_static("none"));
}

fn is_page(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// Allows our own files, and `sources`. Nothing inline except styles, which cannot run scripts.
fn page_policy(sources: &[String]) -> HeaderValue {
    let own: Vec<_> = std::iter::once("'self'").chain(sources.iter().map(String::as_str)).collect();
    let own = own.join(" ");
    let policy = format!(
        "default-src 'self'; script-src {own}; connect-src {own}; img-src {own} data: blob:; font-src {own}; \
         style-src {own} 'unsafe-inline'; frame-src {own}; object-src 'none'; base-uri 'self'; form-action {own}; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(kind: &'static str, sources: &[&str]) -> String {
        let mut options = Options::new("http://127.0.0.1/".parse().unwrap());
        options.page_sources = sources.iter().map(ToString::to_string).collect();
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        secure(&mut response, &options);
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_page_may_load_from_us_and_from_where_the_installation_says() {
        let page = policy("text/html; charset=utf-8", &["https://js.stripe.com"]);
        assert!(page.contains("script-src 'self' https://js.stripe.com;"), "{page}");
        assert!(policy("text/html", &[]).contains("script-src 'self';"));
    }

    #[test]
    fn a_source_that_is_none_closes_the_page_rather_than_opening_it() {
        assert_eq!(policy("text/html", &["https://a\nb"]), "default-src 'none'; frame-ancestors 'none'");
    }

    #[test]
    fn what_is_no_page_loads_nothing() {
        assert_eq!(
            policy("application/json", &["https://js.stripe.com"]),
            "default-src 'none'; frame-ancestors 'none'"
        );
    }
}
