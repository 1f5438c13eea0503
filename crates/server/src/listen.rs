//! The listener: HTTP/1.1 connections, with a limit on their number and on the time for a request's head.

use std::{net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, http::Request};
use hyper::{body::Incoming, server::conn::http1::UpgradeableConnection, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

/// The greatest number of concurrent connections; more wait in the kernel's queue.
const CONNECTIONS: u32 = 32_768;
/// The time in which the head of a request must arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The time for open requests to end when the process stops.
const DRAIN: Duration = Duration::from_secs(10);
/// The greatest number of bytes of a request's head.
const HEAD_LIMIT: usize = 64 * 1024;

/// The network address of the peer of a request's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// The slot of a connection among all connections. A task that takes the connection over, as for a WebSocket, takes the
/// slot along.
#[derive(Clone)]
pub(crate) struct Open {
    _slot: Arc<OwnedSemaphorePermit>,
    stop: watch::Receiver<bool>,
}

impl Open {
    /// Waits until the process stops.
    pub(crate) async fn stop(&mut self) {
        if self.stop.wait_for(|stop| *stop).await.is_err() {
            // The sender is gone, so that no stop will be signalled.
            std::future::pending::<()>().await;
        }
    }
}

/// Serves `router` on `listener` until `stop` turns true. Then it closes the listener, so that no new client waits in
/// vain, and lets open requests end.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let slots = Arc::new(Semaphore::new(CONNECTIONS as usize));
    while !*stop.borrow() {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let open = Open { _slot: Arc::new(slot), stop: stop.clone() };
                let service = ConnectionService { service: service.clone(), peer: Peer(peer.ip()), open: open.clone() };
                tokio::spawn(until_it_ends(connection(stream, service), open));
            }
            Err(error) => {
                // Most likely there are no file descriptors left; connections that end release some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    // Connections that were taken over receive the same stop signal.
    if tokio::time::timeout(DRAIN, slots.acquire_many(CONNECTIONS)).await.is_err() {
        tracing::warn!("connections were cut that did not end in time");
    }
}

/// The service of one connection, which adds the peer's address to its requests.
struct ConnectionService {
    service: TowerToHyperService<Router>,
    peer: Peer,
    open: Open,
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.open.clone());
        self.service.call(request)
    }
}

/// Serves a connection; when the process stops, only the current request is answered.
async fn until_it_ends(connection: UpgradeableConnection<TokioIo<TcpStream>, ConnectionService>, mut open: Open) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = open.stop() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A broken connection needs no handling: its requests were answered or will be repeated by the client.
    ended.unwrap_or_default();
}

fn connection(
    stream: TcpStream,
    service: ConnectionService,
) -> UpgradeableConnection<TokioIo<TcpStream>, ConnectionService> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
}
