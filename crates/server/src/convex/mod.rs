//! The protocol of the Convex clients: live queries over one socket, and calls over HTTP.
//!
//! The operations of the catalog, for clients that we did not write. `FatalError`, after which these clients never connect
//! again, is never sent: the connection is closed instead, and the client reconnects and subscribes again.

mod answer;
mod call;
mod chunk;
mod client;
mod close;
mod codec;
mod cors;
mod failure;
mod http;
mod message;
mod metered;
mod session;
mod socket;
mod surface;
mod sync;
mod value;
mod version;
mod weight;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{Api, Options, Server, limits::Limits, request::wrong_method};

/// What the routes of this surface share.
#[derive(Clone)]
struct Convex {
    api: Api,
    options: Arc<Options>,
    limits: Arc<Limits>,
}

/// What stands before `/api`: clients put their address before it as it was given to them, with a slash at its end or
/// without, and with the organization in it or without.
const PREFIXES: [&str; 4] = ["", "/", "/t/{slug}", "/t/{slug}/"];

/// The routes. None where nothing can be called.
pub(crate) fn routes(server: &Server, limits: &Arc<Limits>) -> Router<Server> {
    let Some(api) = server.api.clone() else { return Router::new() };
    let convex = Convex { api, options: server.options.clone(), limits: limits.clone() };
    let routes = PREFIXES.into_iter().fold(Router::new(), |router, prefix| router.merge(beneath(prefix)));
    routes.layer(axum::middleware::from_fn(cors::allow)).with_state(convex)
}

fn beneath(prefix: &str) -> Router<Convex> {
    let calls = [
        ("/api/{version}/sync", get(sync::versioned)),
        ("/api/sync", get(sync::unversioned)),
        ("/api/query", post(http::query).get(http::query_by_address)),
        ("/api/mutation", post(http::mutation)),
        ("/api/action", post(http::action)),
        ("/api/function", post(http::function)),
        ("/api/run/{*path}", post(http::run)),
        ("/api/query_ts", post(http::query_ts)),
        ("/api/query_at_ts", post(http::query_at_ts)),
        ("/api/query_batch", post(http::query_batch)),
        ("/api/debug_event", post(http::debug_event)),
        ("/api/storage/{*path}", post(http::no_storage).get(http::no_storage)),
        ("/version", get(http::version)),
        ("/instance_version", get(http::version)),
        ("/instance_name", get(http::instance_name)),
    ];
    calls.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(&format!("{prefix}{path}"), methods.fallback(wrong_method))
    })
}
