//! Calls over HTTP. An operation that fails answers like one that does not, with status 200; other statuses are for what
//! never came to an operation.
//!
//! `query_at_ts` answers from the newest snapshot, which is never older than the one that was asked for. Two queries at
//! the same `ts` differ only where something was written in between; `query_batch` is one snapshot for certain.

use std::collections::HashMap;

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use data_encoding::BASE64;
use engine::{Identity, Kind, QueryRequest, Who};
use kernel::{Code, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Convex,
    call::{self, BatchBody, CallBody, Format, Refusal, RunBody},
    client::Client,
    codec,
    message::Call,
    surface::Surface,
    value,
    weight::{VALUES, is_too_heavy},
};
use crate::{authenticate, request::read_body};

/// The longest body.
const BODY: usize = 16 * 1024 * 1024 + 2000;
/// Queries in one batch.
const BATCH: usize = 100;

type Answered = Result<Response<Body>, Refusal>;

pub(super) async fn query(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    called(&convex, &path, request, Some(Kind::Query)).await
}

pub(super) async fn mutation(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    called(&convex, &path, request, Some(Kind::Mutation)).await
}

pub(super) async fn action(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    called(&convex, &path, request, Some(Kind::Action)).await
}

pub(super) async fn function(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    called(&convex, &path, request, None).await
}

/// What stands in the place of the path's variables.
type PathOf = Path<HashMap<String, String>>;

async fn called(convex: &Convex, path: &PathOf, request: Request, kind: Option<Kind>) -> Response<Body> {
    either(try_called(convex, path, request, kind).await)
}

async fn try_called(convex: &Convex, path: &PathOf, request: Request, kind: Option<Kind>) -> Answered {
    let (caller, body) = Caller::read(convex, path, request).await?;
    let (call, format) = json_of::<CallBody>(&body)?.read(caller.client);
    caller.answer(call, format, kind).await
}

/// `GET /api/query?path=…&args=…`
pub(super) async fn query_by_address(
    State(convex): State<Convex>,
    path: PathOf,
    Query(asked): Query<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    let answer = async {
        let (caller, _) = Caller::read(&convex, &path, request).await?;
        let body = json!({
            "path": asked.get("path"),
            "args": asked.get("args").map(|args| json_of::<Value>(args.as_bytes())).transpose()?,
            "format": asked.get("format"),
        });
        let (call, format) = json_of::<CallBody>(body.to_string().as_bytes())?.read(caller.client);
        caller.answer(call, format, Some(Kind::Query)).await
    };
    either(answer.await)
}

/// `POST /api/run/customers/list`
pub(super) async fn run(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    let answer = async {
        let (caller, body) = Caller::read(&convex, &path, request).await?;
        let RunBody { args, format } = json_of(&body)?;
        let name = path.get("path").map_or("", String::as_str);
        let name =
            name.rsplit_once('/').map_or_else(|| name.to_owned(), |(module, function)| format!("{module}:{function}"));
        caller.answer(Call::new(name, None, args), format.unwrap_or(Format::Plain), None).await
    };
    either(answer.await)
}

/// A moment to ask several queries at.
pub(super) async fn query_ts(State(convex): State<Convex>) -> Response<Body> {
    call::json(&json!({ "ts": codec::encode(convex.api.operations.timestamps().settled_everywhere()) }))
}

pub(super) async fn query_at_ts(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    let answer = async {
        let (caller, body) = Caller::read(&convex, &path, request).await?;
        let body: CallBody = json_of(&body)?;
        let ts = body.ts.as_deref().ok_or_else(|| Error::bad_request("timestamp_missing", "ts is missing"));
        let ts = ts.and_then(codec::decode).map_err(|error| call::refusal(&error))?;
        if ts > convex.api.operations.timestamps().next() {
            let error = Error::bad_request("timestamp_ahead", "ts lies in the future: ask /api/query_ts for one");
            return Err(call::refusal(&error));
        }
        convex.api.operations.catch_up(&caller.who, ts).await;
        let (call, format) = body.read(caller.client);
        caller.answer(call, format, Some(Kind::Query)).await
    };
    either(answer.await)
}

pub(super) async fn query_batch(State(convex): State<Convex>, path: PathOf, request: Request) -> Response<Body> {
    let answer = async {
        let (caller, body) = Caller::read(&convex, &path, request).await?;
        let BatchBody { queries } = json_of(&body)?;
        if queries.len() > BATCH {
            let error = Error::bad_request("batch_too_long", format!("at most {BATCH} queries at once"));
            return Err(call::refusal(&error));
        }
        caller.answer_all(queries).await
    };
    either(answer.await)
}

/// Files, which are not kept here yet.
pub(super) async fn no_storage() -> Response<Body> {
    let message = "there is no storage for files in this version: keep them elsewhere, and their addresses here";
    *call::refusal(&Error::new(Code::Unsupported, "storage_unsupported", message))
}

/// Telemetry of clients, which nobody here reads.
pub(super) async fn debug_event() -> Response<Body> {
    call::json(&json!({}))
}

pub(super) async fn version() -> Response<Body> {
    text(env!("CARGO_PKG_VERSION"))
}

pub(super) async fn instance_name() -> Response<Body> {
    text("trunkline")
}

/// Who calls over HTTP.
struct Caller<'c> {
    convex: &'c Convex,
    surface: Surface,
    client: Client,
    who: Who,
    address: Option<std::net::IpAddr>,
}

impl<'c> Caller<'c> {
    /// Who it is, and the body of what they say.
    async fn read(convex: &'c Convex, path: &PathOf, request: Request) -> Result<(Self, Bytes), Refusal> {
        let (head, body) = request.into_parts();
        let client = call::client(&head.headers);
        if client.is_too_old() {
            return Err(call::too_old());
        }
        let address = authenticate::address(&convex.options, &head.headers, &head.extensions);
        let surface = Surface {
            operations: convex.api.operations.clone(),
            live: convex.api.live.clone(),
            authenticator: convex.api.authenticator.clone(),
            wanted: path.get("slug").map(|slug| slug.as_str().into()),
            origin: address.map(|address| address.to_string().into()),
        };
        let shown = token(&head.headers, head.uri.query()).map_err(|error| call::refusal(&error))?;
        let entered = async {
            let identity = match &shown {
                Some(token) => surface.authenticator.identity(token).await?,
                None => Identity::Anonymous,
            };
            surface.enter(identity).await
        };
        let who = match entered.await {
            Ok(who) => who,
            Err(error) => {
                // Whoever guesses has no more guesses than calls.
                let standing = convex.limits.stranger(address).check();
                return Err(call::refusal(standing.as_ref().err().unwrap_or(&error)));
            }
        };
        let body = read_body(&convex.options, BODY, &head.headers, body).await;
        let body = body.map_err(|problem| Box::new(problem.into_response()))?;
        Ok((Self { convex, surface, client, who, address }, body))
    }

    async fn answer(&self, call: Call, format: Format, kind: Option<Kind>) -> Answered {
        let (operation, arguments) = self.surface.read(call);
        self.count(&operation)?;
        let operations = &self.surface.operations;
        let found = operations.catalog().find(&operation).map(|found| found.description.kind);
        // Of another kind than the address says: the operation's own words tell so.
        let outcome = match found.map(|found| kind.unwrap_or(found)) {
            Ok(Kind::Query) => operations.query(&self.who, &operation, arguments).await,
            Ok(Kind::Mutation) => {
                operations.mutation(&self.who, &operation, &arguments, None).await.map(|committed| committed.output)
            }
            Ok(Kind::Action) => operations.action(&self.who, &operation, &arguments).await,
            Err(error) => Err(error),
        };
        Ok(call::json(&self.outcome(outcome, format)?))
    }

    async fn answer_all(&self, queries: Vec<CallBody>) -> Answered {
        let (calls, formats): (Vec<_>, Vec<_>) = queries.into_iter().map(|query| query.read(self.client)).unzip();
        let mut requests = Vec::with_capacity(calls.len());
        for call in calls {
            let (operation, arguments) = self.surface.read(call);
            self.count(&operation)?;
            requests.push(QueryRequest { operation, arguments, journal: None });
        }
        let snapshot =
            self.surface.operations.snapshot(&self.who, requests).await.map_err(|error| call::refusal(&error))?;
        let answers = snapshot.answers.into_iter().zip(formats);
        let results: Result<Vec<_>, _> = answers.map(|(answer, format)| self.outcome(answer.outcome, format)).collect();
        Ok(call::json(&json!({ "results": results? })))
    }

    fn count(&self, operation: &str) -> Result<(), Refusal> {
        let known = self.surface.operations.catalog().find(operation).map_or("", |found| found.description.name);
        let standing = self.convex.limits.call(&self.who, self.address, known);
        standing.check().map_err(|error| {
            let mut refused = call::refusal(&error);
            standing.write(refused.headers_mut());
            refused
        })
    }

    fn outcome(&self, outcome: Result<Value>, format: Format) -> Result<Value, Refusal> {
        match outcome.and_then(|output| value::check_value(&output).map(|()| output)) {
            Ok(output) => Ok(call::success(output, format)),
            // Down for the moment: the client may try again, which an operation's failure would not tell it.
            Err(error) if error.code == Code::Unavailable => Err(call::refusal(&error)),
            Err(error) => Ok(call::failure(self.surface.failure(&error))),
        }
    }
}

/// What is shown: `Bearer` with a token or a key, `Convex` with a key, or a key in the address.
fn token(headers: &HeaderMap, query: Option<&str>) -> Result<Option<String>> {
    let Some(shown) = headers.get(header::AUTHORIZATION) else {
        let query = query.unwrap_or_default();
        let mut asked = url::form_urlencoded::parse(query.as_bytes());
        return Ok(asked.find(|(name, _)| name == "adminKey").map(|(_, key)| key.into_owned()));
    };
    match shown.to_str().unwrap_or_default().split_once(' ') {
        Some(("Bearer", token)) => Ok(Some(token.trim().to_owned())),
        Some(("Convex", key)) => admin_key(key).map(Some),
        _ => {
            let message = "Authorization is `Bearer` and a token or an API key";
            Err(Error::new(Code::Unauthenticated, "authorization_scheme", message))
        }
    }
}

/// A key without what tools put around it: `prod:name|key`, `key:{"subject":…}` in base64.
fn admin_key(shown: &str) -> Result<String> {
    let key = shown.split_once('|').map_or(shown, |(_, key)| key).trim();
    match key.split_once(':') {
        Some((_, acting)) if BASE64.decode(acting.as_bytes()).is_ok() => {
            Err(Error::new(Code::Unauthenticated, "acting_unsupported", "a key acts for itself alone"))
        }
        _ => Ok(key.to_owned()),
    }
}

fn json_of<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if is_too_heavy(body) {
        let error = Error::bad_request("BodyTooHeavy", format!("a body has at most {VALUES} values"));
        return Err(call::refusal_with(StatusCode::PAYLOAD_TOO_LARGE, &error));
    }
    serde_json::from_slice(body).map_err(|error| {
        let error = Error::bad_request("BadJsonBody", format!("the body is not what this address takes: {error}"));
        call::refusal_with(StatusCode::BAD_REQUEST, &error)
    })
}

fn either(answered: Answered) -> Response<Body> {
    answered.unwrap_or_else(|refused| *refused)
}

fn text(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &'static str) -> HeaderMap {
        [(header::AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_token_or_a_key_is_found_wherever_clients_put_it() {
        assert_eq!(token(&shown("Bearer abc"), None).unwrap().unwrap(), "abc");
        assert_eq!(token(&shown("Convex sk_1"), None).unwrap().unwrap(), "sk_1");
        assert_eq!(token(&shown("Convex prod:happy-animal-1|sk_1"), None).unwrap().unwrap(), "sk_1");
        assert_eq!(token(&HeaderMap::new(), Some("a=b&adminKey=sk_1")).unwrap().unwrap(), "sk_1");
        assert_eq!(token(&HeaderMap::new(), None).unwrap(), None);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for value in ["", "abc", "Basic abc", "Convex sk_1:eyJzdWJqZWN0IjoicyJ9"] {
            assert_eq!(token(&shown(value), None).unwrap_err().code, Code::Unauthenticated, "{value}");
        }
    }
}
