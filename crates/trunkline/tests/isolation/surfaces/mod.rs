//! The surfaces for calls: REST, the calls over HTTP and the socket of the Convex clients.
//!
//! The command line on the data folder is not among them: its user is the operator, who may do everything.

mod rest;
mod socket;

use std::collections::HashMap;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request},
};
use engine::{Description, Kind};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) use self::socket::Socket;
use crate::world::{Somebody, World};

/// Returns one of the surfaces, in turn.
pub(crate) fn turn(kind: Kind, at: usize) -> Surface {
    let all = Surface::of(kind);
    all[at % all.len()]
}

/// A surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Surface {
    Rest,
    Http,
    Batch,
    Socket,
}

impl Surface {
    /// Returns the surfaces on which an operation of this kind can be called.
    pub(crate) fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Query => &[Self::Rest, Self::Http, Self::Batch, Self::Socket],
            Kind::Mutation | Kind::Action => &[Self::Rest, Self::Http, Self::Socket],
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The value, or the code and the tag of the error.
    pub(crate) outcome: Result<Value, (String, String)>,
    /// Everything that was received: headers, body, messages.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.outcome.as_ref().err().map_or("done", |(code, _)| code)
    }

    pub(crate) fn tag(&self) -> &str {
        self.outcome.as_ref().err().map_or("", |(_, tag)| tag)
    }
}

/// Clients for all surfaces, with one socket for each caller.
pub(crate) struct Clients {
    router: Router,
    address: std::net::SocketAddr,
    sockets: HashMap<Somebody, Socket>,
}

impl Clients {
    pub(crate) fn new(world: &World) -> Self {
        Self { router: world.served.router.clone(), address: world.served.address, sockets: HashMap::new() }
    }

    /// Makes a call.
    pub(crate) async fn call(
        &mut self,
        surface: Surface,
        who: &Somebody,
        operation: &Description,
        arguments: &Value,
    ) -> Answer {
        match surface {
            Surface::Rest => self.rest(who, operation, arguments, None).await,
            Surface::Http => self.http(who, operation, arguments).await,
            Surface::Batch => self.batch(who, operation, arguments).await,
            Surface::Socket => self.socket(who, operation, arguments).await,
        }
    }

    /// Calls over REST, with an `Idempotency-Key` when there is one.
    pub(crate) async fn rest(
        &self,
        who: &Somebody,
        operation: &Description,
        arguments: &Value,
        key: Option<&str>,
    ) -> Answer {
        let (path, body) = rest::request(operation, arguments);
        let mut headers = HeaderMap::new();
        if let Some(wanted) = &who.wants {
            headers.insert("x-organization", HeaderValue::from_str(wanted).expect("a header"));
        }
        if let Some(key) = key {
            headers.insert("idempotency-key", HeaderValue::from_str(key).expect("a header"));
        }
        let method = operation.route.method.as_str().parse().expect("a method");
        let (status, text, answer) = self.send(method, &path, who, headers, body).await;
        let outcome = match status {
            200 => Ok(answer),
            _ => Err((said(&answer["code"]), said(&answer["tag"]))),
        };
        Answer { outcome, text }
    }

    async fn http(&self, who: &Somebody, operation: &Description, arguments: &Value) -> Answer {
        let kind = match operation.kind {
            Kind::Query => "query",
            Kind::Mutation => "mutation",
            Kind::Action => "action",
        };
        let body = json!({ "path": operation.name, "args": arguments, "format": "convex_encoded_json" });
        let path = format!("{}/api/{kind}", prefix(who));
        let (_, text, answer) = self.send(Method::POST, &path, who, HeaderMap::new(), Some(body)).await;
        Answer { outcome: outcome(&answer), text }
    }

    async fn batch(&self, who: &Somebody, operation: &Description, arguments: &Value) -> Answer {
        let query = json!({ "path": operation.name, "args": arguments, "format": "convex_encoded_json" });
        let path = format!("{}/api/query_batch", prefix(who));
        let body = json!({ "queries": [query] });
        let (_, text, answer) = self.send(Method::POST, &path, who, HeaderMap::new(), Some(body)).await;
        Answer { outcome: outcome(answer["results"].get(0).unwrap_or(&answer)), text }
    }

    /// Closes all sockets, because the database was changed without the server.
    pub(crate) fn hang_up(&mut self) {
        self.sockets.clear();
    }

    async fn socket(&mut self, who: &Somebody, operation: &Description, arguments: &Value) -> Answer {
        if !self.sockets.contains_key(who) {
            let opened = Socket::open(self.address, who).await;
            self.sockets.insert(who.clone(), opened);
        }
        let socket = self.sockets.get_mut(who).expect("it was opened");
        let answer = socket.call(operation, arguments).await;
        if socket.is_closed() {
            self.sockets.remove(who);
        }
        answer
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        who: &Somebody,
        mut headers: HeaderMap,
        body: Option<Value>,
    ) -> (u16, String, Value) {
        if let Some(shown) = &who.shows {
            headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {shown}")).expect("a header"));
        }
        if body.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        let mut request = Request::new(body.map_or_else(Body::empty, |body| body.to_string().into()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        *request.headers_mut() = headers;
        let (head, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = serde_json::from_str(&body).unwrap_or_default();
        (head.status.as_u16(), format!("{} {:?} {body}", head.status, head.headers), answer)
    }
}

/// Returns the path of the organization that the caller asks for.
fn prefix(who: &Somebody) -> String {
    who.wants.as_ref().map(|slug| format!("/t/{slug}")).unwrap_or_default()
}

/// Returns the result of a call over HTTP.
fn outcome(answer: &Value) -> Result<Value, (String, String)> {
    if answer["status"] == "success" {
        return Ok(answer["value"].clone());
    }
    Err(refusal(answer))
}

/// Returns code and tag of an error of the Convex protocol.
fn refusal(answer: &Value) -> (String, String) {
    if answer["code"] == "InvalidAuthHeader" {
        return ("unauthenticated".to_owned(), String::new());
    }
    let data = &answer["errorData"];
    if data["paginationError"].is_string() {
        return ("bad_request".to_owned(), said(&data["paginationError"]));
    }
    if data["code"].is_null() {
        return ("internal".to_owned(), answer.to_string());
    }
    (said(&data["code"]), said(&data["tag"]))
}

fn said(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
