//! Upgrades requests to live-query sockets.

use std::{collections::HashMap, future::pending, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kernel::Error;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    Convex, call,
    client::Client,
    metered::Metered,
    session::Session,
    socket::{Socket, message_limit},
    surface::Surface,
};
use crate::{authenticate, listen::Open, problem::Problem};

/// The longest message: a mutation's arguments and what surrounds them.
const MESSAGE: usize = 16 * 1024 * 1024 + 2000;

/// `/api/1.48.0/sync`
pub(super) async fn versioned(
    State(convex): State<Convex>,
    Path(path): Path<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    let client = Client::of_path(path.get("version").map_or("", String::as_str));
    open(&convex, client, &path, request)
}

/// `/api/sync`
pub(super) async fn unversioned(
    State(convex): State<Convex>,
    Path(path): Path<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    open(&convex, call::client(request.headers()), &path, request)
}

fn open(convex: &Convex, client: Client, path: &HashMap<String, String>, mut request: Request) -> Response<Body> {
    let Some((upgrade, accepted)) = handshake(&mut request) else { return not_a_socket() };
    if client.is_too_old() {
        return *call::too_old();
    }
    let address = authenticate::address(&convex.options, request.headers(), request.extensions());
    let surface = Surface {
        operations: convex.api.operations.clone(),
        live: convex.api.live.clone(),
        authenticator: convex.api.authenticator.clone(),
        wanted: path.get("slug").map(|slug| Arc::from(slug.as_str())),
        origin: address.map(|address| Arc::from(address.to_string())),
    };
    let (place, every) = (request.extensions_mut().remove::<Open>(), convex.options.live_tick);
    let limit = message_limit(Some(surface.live.options().anonymous_bytes));
    tokio::spawn(async move {
        // The client has left already.
        let Ok(upgraded) = upgrade.await else { return };
        let wire = Metered::new(TokioIo::new(upgraded), limit);
        let stream = WebSocketStream::from_raw_socket(wire, Role::Server, Some(config())).await;
        // On its own: the task that lasts as long as the connection is smaller without it.
        let mut session = Box::new(Session::new(surface, client, Socket::new(stream, every)));
        metrics::gauge!("trunkline_live_connections").increment(1);
        match place {
            Some(mut place) => session.run(place.stop()).await,
            None => session.run(pending()).await,
        }
        metrics::gauge!("trunkline_live_connections").decrement(1);
    });
    accepted
}

/// Small buffers, because there are many sockets, most of which are idle most of the time.
fn config() -> WebSocketConfig {
    let limited = WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(MESSAGE));
    limited.read_buffer_size(1024).write_buffer_size(0)
}

/// Returns the future connection and the answer that accepts it; none when the request does not ask for a WebSocket.
fn handshake(request: &mut Request) -> Option<(OnUpgrade, Response<Body>)> {
    let headers = request.headers();
    let asks = names(headers, &header::CONNECTION, "upgrade")
        && names(headers, &header::UPGRADE, "websocket")
        && names(headers, &header::SEC_WEBSOCKET_VERSION, "13");
    let key = derive_accept_key(headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks)?.as_bytes());
    let upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    let mut accepted = Response::new(Body::empty());
    *accepted.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = accepted.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&key).ok()?);
    Some((upgrade, accepted))
}

/// Returns whether the list in a header contains this word.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|named| named.trim().eq_ignore_ascii_case(word))
}

fn not_a_socket() -> Response<Body> {
    let error = Error::bad_request("websocket_expected", "this address takes WebSocket connections");
    Problem::with_status(StatusCode::UPGRADE_REQUIRED, error).into_response()
}
