//! Incoming webhooks: verified on the raw bytes, stored, answered.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header},
    response::IntoResponse,
    routing::get,
};
use engine::{Accepted, Delivery};
use kernel::{Error, Result};
use provider::{Challenge, Registry, VendorEntry, WebhookRequest, WebhookSource, WebhookState};
use serde_json::json;

use crate::{
    Server,
    problem::Problem,
    request::{read_body, wrong_method},
};

/// Returns the general routes, and those at paths that products registered with their vendors earlier.
pub(crate) fn routes(registry: &Registry) -> Router<Server> {
    let mut router = Router::new()
        .route("/webhooks/{provider}", get(named_challenge).post(named).fallback(wrong_method))
        .route("/webhooks/{provider}/{connection}", get(named_challenge_of).post(named_of).fallback(wrong_method));
    for (entry, _) in registry.iter() {
        for path in entry.webhook_paths {
            let id = entry.id;
            let ask = move |State(server): State<Server>, query: RawQuery| async move { challenge(&server, id, query) };
            let post = move |State(server): State<Server>, request: Request<Body>| async move {
                receive(&server, id, String::new(), request).await
            };
            router = router.route(path, get(ask).post(post).fallback(wrong_method));
        }
    }
    router
}

async fn named(State(server): State<Server>, Path(provider): Path<String>, request: Request<Body>) -> Response<Body> {
    receive(&server, &provider, String::new(), request).await
}

async fn named_of(
    State(server): State<Server>,
    Path((provider, connection)): Path<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    receive(&server, &provider, connection, request).await
}

async fn named_challenge(
    State(server): State<Server>,
    Path(provider): Path<String>,
    query: RawQuery,
) -> Response<Body> {
    challenge(&server, &provider, query)
}

async fn named_challenge_of(
    State(server): State<Server>,
    Path((provider, _)): Path<(String, String)>,
    query: RawQuery,
) -> Response<Body> {
    challenge(&server, &provider, query)
}

/// A longer connection name in a path cannot belong to a connection.
const CONNECTION_LENGTH: usize = 64;

async fn receive(server: &Server, provider: &str, connection: String, request: Request<Body>) -> Response<Body> {
    match try_receive(server, provider, connection, request).await {
        Ok(accepted) => answer(&accepted),
        Err(problem) => problem.into_response(),
    }
}

async fn try_receive(
    server: &Server,
    provider: &str,
    connection: String,
    request: Request<Body>,
) -> Result<Vec<Accepted>, Problem> {
    let (entry, source) = source(&server.registry, provider)?;
    if connection.len() > CONNECTION_LENGTH {
        return Err(Error::not_found("connection_unknown", "there is no connection of this name").into());
    }
    let (head, body) = request.into_parts();
    let received_at = server.world.now();
    let limit = source.max_body().unwrap_or(0).max(server.options.body_limit);
    let body = read_body(&server.options, limit, &head.headers, body).await?;
    let url = public_url(server, &head.uri);
    let webhook = WebhookRequest { method: &Method::POST, url: &url, headers: &head.headers, body: &body, received_at };
    if let Err(refused) = source.verify(&webhook) {
        metrics::counter!("trunkline_webhooks_refused_total", "provider" => entry.id).increment(1);
        return Err(refused.into());
    }
    let events = source.events(&webhook);
    metrics::counter!("trunkline_webhooks_received_total", "provider" => entry.id).increment(1);
    let headers = worth_keeping(&head.headers);
    let delivery = Delivery { provider: entry.id, connection, headers, received_at, events };
    Ok(server.intake.accept(delivery).await?)
}

/// Returns the webhook source of a vendor, or the error that says why there is none.
fn source<'a>(registry: &'a Registry, provider: &str) -> Result<(&'a VendorEntry, &'a Arc<dyn WebhookSource>)> {
    match registry.get(provider) {
        Some((entry, WebhookState::On(source))) => Ok((entry, source)),
        Some((_, WebhookState::Off(why))) => Err(Error::config("webhooks_off", why.clone())),
        None => Err(Error::not_found("provider_unknown", "there is no provider of this name: see `trunkline doctor`")),
    }
}

/// Returns the address as the vendor called it, whatever proxies are between.
fn public_url(server: &Server, uri: &Uri) -> String {
    let base = server.options.public_url.as_str().trim_end_matches('/');
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{base}{path}")
}

/// The prefixes of headers that vendors use.
const VENDORS: [&str; 6] = ["x-", "svix-", "webhook-", "stripe-", "workos-", "polar-"];
/// Headers with credentials, or that describe the way of a request and not the request.
const NEVER: [&str; 6] = ["x-forwarded", "x-real-ip", "x-api-key", "x-auth", "x-trunkline", "x-request-id"];
/// The greatest number of bytes of a header that is stored.
const HEADER_LENGTH: usize = 1024;

fn worth_keeping(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, value)| is_worth_keeping(name) && value.len() <= HEADER_LENGTH)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn is_worth_keeping(name: &HeaderName) -> bool {
    let name = name.as_str();
    let describes = matches!(name, "content-type" | "user-agent");
    let vendors = VENDORS.iter().any(|prefix| name.starts_with(prefix));
    describes || (vendors && !NEVER.iter().any(|prefix| name.starts_with(prefix)) && !name.contains("secret"))
}

/// Answers `accepted` when any event of the request is new. For a request with several events the answer also lists all
/// their ids.
fn answer(accepted: &[Accepted]) -> Response<Body> {
    let Some(first) = accepted.first() else { return json_answer(&json!({ "status": "ignored" })) };
    let status = if accepted.iter().any(|event| event.fresh) { "accepted" } else { "already_processed" };
    let id = first.id.to_string();
    if accepted.len() == 1 {
        return json_answer(&json!({ "status": status, "id": id }));
    }
    let ids: Vec<_> = accepted.iter().map(|event| event.id.to_string()).collect();
    json_answer(&json!({ "status": status, "id": id, "ids": ids }))
}

pub(crate) fn json_answer(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The greatest number of parameters of a challenge.
const PARAMETERS: usize = 16;

/// Answers the vendor's check that the address belongs to us, as plain text.
fn challenge(server: &Server, provider: &str, RawQuery(query): RawQuery) -> Response<Body> {
    let query = query.unwrap_or_default();
    let parameters: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().take(PARAMETERS).collect();
    let answered = source(&server.registry, provider).and_then(|(_, source)| source.challenge(&Challenge(&parameters)));
    match answered {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            response
        }
        Err(error) => Problem::from(error).into_response(),
    }
}
