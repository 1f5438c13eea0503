//! A request, built step by step.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use bytes::Bytes;
use data_encoding::BASE64;
use kernel::{Error, Result, Secret};
use serde::{Serialize, de::DeserializeOwned};
use url::{Url, form_urlencoded};

use super::{Http, Response, call::Call};

/// One request. Mistakes in it are reported when it is sent.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    http: Http,
    method: Method,
    path: &'static str,
    segments: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    timeout: Option<Duration>,
    max_body: Option<usize>,
    repeatable: bool,
    secrets: Vec<Secret>,
    problem: Option<Error>,
}

impl Request {
    pub(super) fn new(http: Http, method: Method, path: &'static str) -> Self {
        // By the definition of HTTP, repeating these methods changes nothing.
        let repeatable = method.is_idempotent();
        Self {
            http,
            method,
            path,
            segments: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            max_body: None,
            repeatable,
            secrets: Vec::new(),
            problem: None,
        }
    }

    /// Sends the request and parses the JSON of the answer. An empty answer parses as `null`: `()` or `None`.
    ///
    /// # Errors
    /// `Config` when the vendor refuses the credentials; `NotFound`, `Conflict` and `BadRequest` with the vendor's
    /// message; `RateLimited` with the time to wait; `Vendor` when it fails, does not answer or sends something else;
    /// `Unavailable` while the circuit breaker is open. [`super::outcome_unknown`] tells whether the call may have had
    /// an effect.
    pub async fn send<T: DeserializeOwned>(mut self) -> Result<T> {
        self.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        self.send_raw().await?.success()?.json()
    }

    /// Sends the request and returns the vendor's last answer, whatever its status: for calls that branch on it, and
    /// for files.
    ///
    /// # Errors
    /// `Vendor` or `Unavailable` when there is no answer.
    pub async fn send_raw(self) -> Result<Response> {
        self.into_call()?.run().await
    }

    /// Fills `{name}` in the path. The value is escaped, so that it cannot lead to another path.
    pub fn segment(mut self, name: &'static str, value: impl Display) -> Self {
        self.segments.push((name, value.to_string()));
        self
    }

    /// Adds parameters to the query.
    pub fn query<N: Display, V: Display>(mut self, parameters: impl IntoIterator<Item = (N, V)>) -> Self {
        self.query.extend(parameters.into_iter().map(|(name, value)| (name.to_string(), value.to_string())));
        self
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.body("application/json", json),
            Err(error) => self.broken(Error::internal("request_body", "a request body is not JSON").source(error)),
        }
    }

    /// Sets a form as the body, `application/x-www-form-urlencoded`.
    pub fn form<N: Display, V: Display>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(&name.to_string(), &value.to_string());
        }
        self.body("application/x-www-form-urlencoded", form.finish())
    }

    /// Sets any other body.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.insert(CONTENT_TYPE, content_type, false)
    }

    /// Sets `Authorization: Bearer …`.
    pub fn bearer(self, token: &Secret) -> Self {
        let value = format!("Bearer {}", token.expose());
        self.hiding(token).insert(AUTHORIZATION, &value, true)
    }

    /// Sets `Authorization: Basic …`.
    pub fn basic(self, user: &str, password: &Secret) -> Self {
        let pair = Secret::new(BASE64.encode(format!("{user}:{}", password.expose()).as_bytes()));
        let value = format!("Basic {}", pair.expose());
        self.hiding(password).hiding(&pair).insert(AUTHORIZATION, &value, true)
    }

    /// Sets a header that may be logged.
    pub fn header(self, name: &'static str, value: impl AsRef<str>) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) => self.insert(name, value.as_ref(), false),
            Err(_) => self.broken(Error::internal("request_header", format!("{name} is not a header"))),
        }
    }

    /// Sets a header that must not be logged, such as `X-Api-Key`.
    pub fn secret_header(self, name: &'static str, value: &Secret) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) => self.hiding(value).insert(name, value.expose(), true),
            Err(_) => self.broken(Error::internal("request_header", format!("{name} is not a header"))),
        }
    }

    /// Sets `Idempotency-Key`: the vendor carries the request out once, so that it may be retried, always with this
    /// key. The key must be the same when a job runs again: derive it from the job, never from randomness.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key).repeatable()
    }

    /// Allows retries although the method does not imply it: a search by `POST`, an upsert.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Sets another time-out than the default, for each attempt.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets another limit on the size of the answer than the default, in bytes.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    fn insert(mut self, name: HeaderName, value: &str, secret: bool) -> Self {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(secret);
                self.headers.insert(name, value);
                self
            }
            Err(_) => {
                let message = format!("the value for the header {name} has a line break or another control character");
                self.broken(Error::bad_request("request_header", message))
            }
        }
    }

    /// Masks `secret` in everything that is quoted from the vendor's answer.
    fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Keeps the first mistake, which is the one that is reported.
    fn broken(mut self, problem: Error) -> Self {
        self.problem.get_or_insert(problem);
        self
    }

    fn into_call(self) -> Result<Call> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let url = address(&self.http.base, self.path, &self.segments, &self.query)?;
        Ok(Call {
            timeout: self.timeout.unwrap_or(self.http.transport.options().timeout),
            max_body: self.max_body.unwrap_or(self.http.transport.options().max_body),
            http: self.http,
            method: self.method,
            path: self.path,
            url,
            headers: self.headers,
            body: self.body,
            repeatable: self.repeatable,
            secrets: self.secrets,
        })
    }
}

/// Without path values, query, headers and body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("vendor", &self.http.vendor)
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Returns `base` with the filled template appended to its path, and the parameters in its query.
fn address(base: &Url, path: &str, values: &[(&'static str, String)], query: &[(String, String)]) -> Result<Url> {
    let mut url = base.clone();
    if let Some(path) = path.strip_prefix('/') {
        let mut filled = path.split('/').map(|segment| fill(segment, values)).collect::<Result<Vec<_>>>()?;
        let mut segments = url
            .path_segments_mut()
            .map_err(|()| Error::config("base_address", "the base address of a vendor must begin with https://"))?;
        segments.pop_if_empty().extend(filled.drain(..));
    } else if !path.is_empty() {
        return Err(Error::internal("request_path", format!("the path {path} does not begin with a slash")));
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

fn fill(segment: &str, values: &[(&'static str, String)]) -> Result<String> {
    let Some((before, rest)) = segment.split_once('{') else { return Ok(segment.to_owned()) };
    let known = rest.split_once('}').and_then(|(name, after)| {
        let (_, value) = values.iter().find(|(known, _)| *known == name)?;
        Some((name, value, after))
    });
    let Some((name, value, after)) = known else {
        return Err(Error::internal("request_path", format!("nothing fills {segment} in the path of a request")));
    };
    let filled = format!("{before}{value}{after}");
    // Escaping does not help for these three: they would shorten the path and address another object.
    if value.is_empty() || matches!(filled.as_str(), "." | "..") {
        return Err(Error::bad_request("id_malformed", format!("{name} is empty or not an id")));
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, path: &'static str, value: &str) -> Result<String> {
        let base = Url::parse(base).unwrap();
        address(&base, path, &[("id", value.to_owned())], &[]).map(String::from)
    }

    #[test]
    fn a_path_is_appended_to_the_base() {
        assert_eq!(url("https://v.test", "/a/b", "").unwrap(), "https://v.test/a/b");
        assert_eq!(url("https://v.test/v1/", "/a/", "").unwrap(), "https://v.test/v1/a/");
        assert_eq!(url("https://v.test/hook?t=1", "", "").unwrap(), "https://v.test/hook?t=1");
    }

    #[test]
    fn a_value_stays_inside_its_segment() {
        for (value, expected) in [
            ("cus_1", "https://v.test/v1/x/cus_1.json/y"),
            ("../admin", "https://v.test/v1/x/..%2Fadmin.json/y"),
            ("a?b#c d", "https://v.test/v1/x/a%3Fb%23c%20d.json/y"),
        ] {
            assert_eq!(url("https://v.test/v1", "/x/{id}.json/y", value).unwrap(), expected);
        }
    }

    #[test]
    fn a_value_that_would_shorten_the_path_is_refused() {
        for value in ["", ".", ".."] {
            let error = url("https://v.test/v1", "/x/{id}", value).unwrap_err();
            assert_eq!(error.code, kernel::Code::BadRequest, "{value}");
        }
        let escaped = url("https://v.test/v1", "/x/{id}", "%2e%2e").unwrap();
        assert_eq!(escaped, "https://v.test/v1/x/%252e%252e", "an escaped one is only text");
    }

    #[test]
    fn a_template_that_nothing_fills_is_our_own_mistake() {
        assert_eq!(url("https://v.test", "/{other}", "1").unwrap_err().code, kernel::Code::Internal);
    }
}
