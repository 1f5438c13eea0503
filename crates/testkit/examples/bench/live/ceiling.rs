//! The ceiling: what the HTTP stack gives when nothing stands behind it. What somebody says goes to all in their room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// An answer that is as long as a customer.
const PLAIN: &str = r#"{"_creationTime":1795208979080,"_id":"cus_00000000000000000000000000","createdAt":1795208979080,"name":"Customer","notes":"mark 000000000","orgId":"org_00000000000000000000000000","updatedAt":1795208979080}"#;

type Rooms = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;

/// Serves until standard input ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let router = Router::new()
        .route("/room/{name}", get(enter))
        .route("/plain", get(|| async { PLAIN }))
        .with_state(Rooms::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (_stop, stopped) = watch::channel(false);
    tokio::select! {
        () = server::serve(listener, router, stopped) => {}
        _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())) => {}
    }
    // A thread that still reads standard input would keep the runtime from ending.
    std::process::exit(0)
}

async fn enter(State(rooms): State<Rooms>, Path(name): Path<String>, mut request: Request) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(Ok(accept)) = key.map(|key| HeaderValue::from_str(&key)) else { return answer };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return answer };
    let room = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(name).or_insert_with(|| broadcast::channel(64).0).clone()
    };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        // As small as those of the live queries.
        let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        stay(stream, room).await;
    });
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

async fn stay(mut stream: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, room: broadcast::Sender<Utf8Bytes>) {
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            said = stream.next() => match said {
                Some(Ok(Message::Text(text))) => drop(room.send(text)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            text = heard.recv() => match text {
                Ok(text) => if stream.send(Message::Text(text)).await.is_err() { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
