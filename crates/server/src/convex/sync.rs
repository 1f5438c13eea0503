//! The door to the live queries: from a request to a socket of its own.

use std::{collections::HashMap, future::pending, sync::Arc};

use axum::{
    extract::{Path, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{Extensions, HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use kernel::Error;

use super::{Convex, call, client::Client, session::Session, socket::Socket, surface::Surface};
use crate::{authenticate, listen::Open, problem::Problem};

/// The longest message, which is a mutation's arguments and what is around them.
const MESSAGE: usize = 16 * 1024 * 1024 + 2000;

/// `/api/1.48.0/sync`
pub(super) async fn versioned(
    State(convex): State<Convex>,
    Path(path): Path<HashMap<String, String>>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let client = Client::of_path(path.get("version").map_or("", String::as_str));
    open(&convex, client, &path, &headers, extensions, upgrade)
}

/// `/api/sync`
pub(super) async fn unversioned(
    State(convex): State<Convex>,
    Path(path): Path<HashMap<String, String>>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    open(&convex, call::client(&headers), &path, &headers, extensions, upgrade)
}

fn open(
    convex: &Convex,
    client: Client,
    path: &HashMap<String, String>,
    headers: &HeaderMap,
    mut extensions: Extensions,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return not_a_socket() };
    if client.is_too_old() {
        return *call::too_old();
    }
    let address = authenticate::address(&convex.options, headers, &extensions);
    let surface = Surface {
        operations: convex.api.operations.clone(),
        live: convex.api.live.clone(),
        authenticator: convex.api.authenticator.clone(),
        wanted: path.get("slug").map(|slug| Arc::from(slug.as_str())),
        origin: address.map(|address| Arc::from(address.to_string())),
    };
    let place = extensions.remove::<Open>();
    // Small buffers: most sockets are silent most of the time, and there are many.
    let upgrade = upgrade.read_buffer_size(1024).write_buffer_size(0);
    upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE).on_upgrade(move |stream| async move {
        metrics::gauge!("trunkline_live_connections").increment(1);
        let session = Session::new(surface, client, Socket::new(stream));
        match place {
            Some(mut place) => session.run(place.stop()).await,
            None => session.run(pending()).await,
        }
        metrics::gauge!("trunkline_live_connections").decrement(1);
    })
}

fn not_a_socket() -> Response {
    let error = Error::bad_request("websocket_expected", "this address takes WebSocket connections");
    Problem::with_status(StatusCode::UPGRADE_REQUIRED, error).into_response()
}
