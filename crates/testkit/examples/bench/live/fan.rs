//! One commit that many see.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{sync::Notify, task::JoinSet};

use super::{
    marks,
    report::{Numbers, median, percentile},
    socket::Socket,
    target::{Seat, Target},
};
use crate::machine;

/// How long everything may take to become idle.
const CALM: Duration = Duration::from_secs(2);
/// Between two commits.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the last of all may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Those who have seen the commit that is measured.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    all: Notify,
}

#[derive(Default)]
struct State {
    mark: usize,
    sockets: usize,
    at: Vec<Instant>,
}

/// Opens `count` sockets, and measures what they cost and when each of them sees a commit.
pub(crate) async fn measure(target: &Target<'_>, count: usize, commits: usize) -> anyhow::Result<Numbers> {
    let server = target.server().id();
    let mut writer = target.writer(None).await?;
    // One socket more than is counted: what the first one brings along belongs to nobody.
    let mut open = target.watch([Seat { organization: None, person: 0 }]).await?;
    tokio::time::sleep(CALM).await;
    let (before, _) = machine::memory(server);
    let began = Instant::now();
    open.extend(target.watch((1..count).map(|person| Seat { organization: None, person })).await?);
    let opening = began.elapsed();
    tokio::time::sleep(CALM).await;
    let (after, _) = machine::memory(server);

    let seen = Arc::new(Seen::default());
    let mut listeners = JoinSet::new();
    for socket in open {
        listeners.spawn(listen(socket, seen.clone()));
    }
    let (mouth, says) = (writer.mouth(), target.says(None));
    let hearing = tokio::spawn(async move { while writer.hear(|_| {}).await.is_ok() {} });
    let (mut firsts, mut middles, mut lasts, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut own_cpu = Vec::new();
    // The first commits meet cold caches, and are not counted.
    for turn in 0..commits + 2 {
        tokio::time::sleep(PAUSE).await;
        let mark = usize::try_from(marks::now() / 1_000_000 % 1_000_000_000)?;
        seen.expect(mark, count);
        let (server_before, own_before) = (machine::cpu(server), machine::cpu(std::process::id()));
        let began = Instant::now();
        mouth.say(&says.commit(turn, mark))?;
        tokio::time::timeout(LIMIT, seen.all.notified()).await.context("not everybody has seen a commit")?;
        let at = seen.take();
        if turn < 2 {
            continue;
        }
        let mut after: Vec<_> = at.into_iter().map(|at| (at - began).as_secs_f64() * 1000.0).collect();
        after.sort_by(f64::total_cmp);
        firsts.push(percentile(&after, 0.0));
        middles.push(percentile(&after, 0.5));
        lasts.push(percentile(&after, 1.0));
        cpu.push((machine::cpu(server) - server_before).as_secs_f64());
        own_cpu.push((machine::cpu(std::process::id()) - own_before).as_secs_f64());
    }
    hearing.abort();
    listeners.shutdown().await;
    let each = |seconds: Vec<f64>| seconds.iter().sum::<f64>() * 1e6 / (count * commits) as f64;
    let mut numbers = Numbers::of(&format!("1 commit, {count} sockets"));
    numbers.add("first sees it, ms", median(firsts));
    numbers.add("half see it, ms", median(middles));
    numbers.add("last sees it, ms", median(lasts.clone()));
    numbers.add("last sees it, ms (worst commit)", lasts.into_iter().fold(0.0, f64::max));
    numbers.add("server's CPU, µs a message", each(cpu));
    numbers.add("load's CPU, µs a message", each(own_cpu));
    numbers.add("memory, KiB a socket", (after - before) * 1024.0 / count.saturating_sub(1) as f64);
    numbers.add("sockets opened in a second", count as f64 / opening.as_secs_f64());
    Ok(numbers)
}

async fn listen(mut socket: Socket, seen: Arc<Seen>) {
    let told = |message: &str| {
        if let Some(mark) = marks::shown(message) {
            seen.note(mark);
        }
    };
    while socket.hear(told).await.is_ok() {}
}

impl Seen {
    fn expect(&self, mark: usize, sockets: usize) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) =
            State { mark, sockets, at: Vec::with_capacity(sockets) };
    }

    fn note(&self, mark: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if mark == state.mark {
            state.at.push(Instant::now());
            if state.at.len() == state.sockets {
                self.all.notify_one();
            }
        }
    }

    fn take(&self) -> Vec<Instant> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).at)
    }
}
