//! Calls operations of another server, with an API key.

use std::sync::Arc;

use engine::{SystemClock, SystemRandom};
use kernel::{Code, Error, Result, Secret};
use provider::http::{Http, Options, Transport};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// The server's answer to a call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerAnswer {
    status: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    error_message: String,
    #[serde(default)]
    error_data: Value,
}

/// Another server, and the caller's API key.
pub(crate) struct Remote {
    http: Http,
    key: Option<Secret>,
}

impl Remote {
    pub(super) fn new(url: &Url, key: Option<Secret>, organization: Option<&str>) -> Result<Self> {
        if organization.is_some() {
            return Err(Error::bad_request(
                "organization_of_the_key",
                "at TRUNKLINE_URL the key decides the organization: leave --organization out",
            ));
        }
        let transport = Transport::new(Options::default(), Arc::new(SystemClock), Arc::new(SystemRandom));
        Ok(Self { http: Http::new(&transport, "trunkline", url.clone()), key })
    }

    pub(super) async fn call(&self, operation: &str, arguments: &Value) -> Result<Value> {
        let body = json!({ "path": operation, "args": arguments, "format": "json" });
        let request = self.http.post("/api/function").json(&body);
        let request = match &self.key {
            Some(key) => request.bearer(key),
            None => request,
        };
        let said: ServerAnswer = request.send().await.map_err(unknown_key)?;
        if said.status == "success" { Ok(said.value) } else { Err(refused(&said)) }
    }
}

/// For a vendor's client, refused credentials are a wrong setting. Here they are the caller's own key.
fn unknown_key(error: Error) -> Error {
    if error.code != Code::Config {
        return error;
    }
    let message =
        "the server at TRUNKLINE_URL does not know the key in TRUNKLINE_API_KEY, or it was revoked or has expired";
    Error::new(Code::Unauthenticated, "api_key_unknown", message).source(error)
}

/// Returns the server's error, with the exit code that it would have in this process.
fn refused(said: &ServerAnswer) -> Error {
    let message = said.error_data["message"].as_str().unwrap_or(&said.error_message).to_owned();
    let code = said.error_data["code"].as_str().unwrap_or_default().replace('_', "").to_ascii_lowercase();
    let code = match code.as_str() {
        "badrequest" => Code::BadRequest,
        "unauthenticated" => Code::Unauthenticated,
        "forbidden" => Code::Forbidden,
        "notfound" => Code::NotFound,
        "conflict" => Code::Conflict,
        "limitreached" => Code::LimitReached,
        "ratelimited" => Code::RateLimited,
        "unsupported" => Code::Unsupported,
        "config" => Code::Config,
        "vendor" => Code::Vendor,
        "unavailable" => Code::Unavailable,
        _ => Code::Internal,
    };
    let error = Error::new(code, "refused", message);
    match said.error_data["tag"].as_str() {
        Some(tag) => error.context("tag", tag.to_owned()),
        None => error,
    }
}
