//! The listener: HTTP/1.1 connections with a limit on their number and on the time a head may take.

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

/// Connections at the same time; more wait in the kernel's queue.
const CONNECTIONS: u32 = 32_768;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long open requests may take to end when the process is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// The address at the other end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// A connection's place among all. Whoever takes the connection over, as a WebSocket does, takes the place along.
#[derive(Clone)]
pub(crate) struct Open {
    _slot: Arc<OwnedSemaphorePermit>,
    stop: watch::Receiver<bool>,
}

impl Open {
    /// Waits until the process is told to stop.
    pub(crate) async fn stop(&mut self) {
        if self.stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could say so.
            std::future::pending::<()>().await;
        }
    }
}

/// Serves `router` on `listener` until `stop` turns true, then closes it, so that nobody new waits in vain, and lets open
/// requests end.
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
                let service = Connected { service: service.clone(), peer: Peer(peer.ip()), open: open.clone() };
                tokio::spawn(until_it_ends(connection(stream, service), open));
            }
            Err(error) => {
                // Out of descriptors, most likely: those in use come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    // Those that were taken over are told to stop like all others.
    if tokio::time::timeout(DRAIN, slots.acquire_many(CONNECTIONS)).await.is_err() {
        tracing::warn!("connections were cut that did not end in time");
    }
}

/// The service of one connection: its requests know where they come from.
struct Connected {
    service: TowerToHyperService<Router>,
    peer: Peer,
    open: Open,
}

impl Service<Request<Incoming>> for Connected {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.open.clone());
        self.service.call(request)
    }
}

/// Serves a connection; when the process is told to stop, only what it is answering.
async fn until_it_ends(connection: UpgradeableConnection<TokioIo<TcpStream>, Connected>, mut open: Open) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = open.stop() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A broken connection is the peer's business; its requests were answered or will come again.
    ended.unwrap_or_default();
}

fn connection(stream: TcpStream, service: Connected) -> UpgradeableConnection<TokioIo<TcpStream>, Connected> {
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
