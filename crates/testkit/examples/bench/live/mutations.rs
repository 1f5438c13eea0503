//! As many mutations as go through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    report::Numbers,
    socket::Socket,
    target::{Says, Seat, Target},
};
use crate::machine;

/// Mutations of a socket that wait for their answers.
const WINDOW: usize = 8;
const WARM: Duration = Duration::from_secs(1);

/// Lets `count` sockets, each of another organization, mutate without a pause. Each watches what it changes.
pub(crate) async fn measure(target: &Target<'_>, count: usize, seconds: u64) -> anyhow::Result<Numbers> {
    let open = target.watch((0..count).map(|number| Seat { organization: Some(number), person: 0 })).await?;
    let answer = match target {
        Target::Ours { .. } => r#"{"type":"MutationResponse""#,
        // What goes around is the answer.
        Target::Ceiling { .. } => r#"{"type":"Transition""#,
    };
    let done = Arc::new(AtomicUsize::new(0));
    let mut listeners = JoinSet::new();
    for (organization, socket) in open.into_iter().enumerate() {
        listeners.spawn(pump(socket, target.says(Some(organization)), answer, done.clone()));
    }
    let server = target.server().id();
    let cpu = || (machine::cpu(server), machine::cpu(std::process::id()), target.database_cpu());
    tokio::time::sleep(WARM).await;
    let (before, from) = (cpu(), done.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (after, until) = (cpu(), done.load(Ordering::Relaxed));
    listeners.shutdown().await;
    let each = |after: Duration, before: Duration| (after - before).as_secs_f64() * 1e6 / (until - from).max(1) as f64;
    let mut numbers = Numbers::of(&format!("mutations through {count} sockets"));
    numbers.add("mutations in a second", (until - from) as f64 / seconds as f64);
    numbers.add("server's CPU, µs a mutation", each(after.0, before.0));
    numbers.add("load's CPU, µs a mutation", each(after.1, before.1));
    numbers.add("PostgreSQL's CPU, µs a mutation", each(after.2, before.2));
    Ok(numbers)
}

async fn pump(mut socket: Socket, says: Says, answer: &'static str, done: Arc<AtomicUsize>) {
    let mouth = socket.mouth();
    let mut next = 0;
    let mut more = || {
        // An error shows where it is listened.
        mouth.say(&says.commit(next, next)).unwrap_or_default();
        next += 1;
    };
    (0..WINDOW).for_each(|_| more());
    let mut told = |message: &str| {
        if message.starts_with(answer) {
            done.fetch_add(1, Ordering::Relaxed);
            more();
        }
    };
    while socket.hear(&mut told).await.is_ok() {}
}
