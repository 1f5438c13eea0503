//! The load: connections that each have one request under way.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::events::Events;

/// How one run of load went.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) requests: usize,
    pub(crate) refused: usize,
    pub(crate) elapsed: Duration,
    /// In microseconds, ascending.
    latencies: Vec<u32>,
}

impl Load {
    /// The same load, with more time to it: until its last event was handled.
    pub(crate) fn lasting(self, elapsed: Duration) -> Self {
        Self { elapsed, ..self }
    }

    /// Requests in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the requests stayed under, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        f64::from(self.latencies.get(at).copied().unwrap_or(0)) / 1000.0
    }
}

/// Posts each event once, or all of them again and again, until `limit` has passed.
pub(crate) async fn run(
    address: SocketAddr,
    events: &Arc<Events>,
    connections: usize,
    limit: Duration,
    again: bool,
) -> anyhow::Result<Load> {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (events, next) = (events.clone(), next.clone());
        tasks.push(tokio::spawn(connection(address, events, next, began + limit, again)));
    }
    let mut load = Load { requests: 0, refused: 0, elapsed: Duration::ZERO, latencies: Vec::new() };
    for task in tasks {
        let (latencies, refused) = task.await??;
        load.requests += latencies.len() + refused;
        load.refused += refused;
        load.latencies.extend(latencies);
    }
    load.elapsed = began.elapsed();
    load.latencies.sort_unstable();
    Ok(load)
}

async fn connection(
    address: SocketAddr,
    events: Arc<Events>,
    next: Arc<AtomicUsize>,
    end: Instant,
    again: bool,
) -> anyhow::Result<(Vec<u32>, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut refused) = (Vec::new(), 0);
    let mut answer = vec![0; 8192];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        if began >= end || (number >= events.len() && !again) {
            return Ok((latencies, refused));
        }
        stream.write_all(events.request(number % events.len())).await?;
        if read_answer(&mut stream, &mut answer).await? {
            latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        } else {
            refused += 1;
        }
    }
}

/// Reads one answer. Whether it was a 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<bool> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?;
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .ok_or_else(|| anyhow::anyhow!("an answer without a length"))?
            .parse::<usize>()?;
        if filled >= head + 4 + length {
            return Ok(text.starts_with("HTTP/1.1 200"));
        }
    }
}
