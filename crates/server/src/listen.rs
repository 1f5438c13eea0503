//! The listener: HTTP/1.1 connections with a limit on their number and on the time a head may take.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

/// Connections at the same time; more wait in the kernel's queue.
const CONNECTIONS: usize = 16_384;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long open requests may take to end when the process is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// Serves `router` on `listener` until `stop` turns true, then closes it, so that nobody new waits in vain, and lets open
/// requests end.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    while !*stop.borrow() {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = graceful.watch(connection(stream, service.clone()));
                tokio::spawn(async move {
                    // A broken connection is the peer's business; its requests were answered or will come again.
                    connection.await.unwrap_or_default();
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: those in use come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were cut that did not end in time");
    }
}

fn connection(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
) -> hyper::server::conn::http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
}
