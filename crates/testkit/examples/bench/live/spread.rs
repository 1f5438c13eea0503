//! Many organizations, and commits in all of them at a steady rate.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::{
    marks,
    report::{Numbers, percentile},
    socket::{Mouth, Socket},
    target::{Says, Seat, Target},
};
use crate::machine;

/// Sockets of an organization. The first is the owner's, and writes.
const SOCKETS: usize = 10;
/// At the beginning, nothing is counted.
const WARM: Duration = Duration::from_secs(2);
/// How long after the last commit somebody may still see one.
const LATE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) organizations: usize,
    /// Commits in a second, over all of them.
    pub(crate) rate: u32,
    pub(crate) seconds: u64,
}

/// When each commit was asked for, when whoever asked was answered, and who has seen it. Commit `mark` is made in organization
/// `mark % organizations`.
struct Commits {
    organizations: usize,
    asked: Vec<AtomicU64>,
    answered: Vec<AtomicU64>,
    sights: Mutex<Vec<Sight>>,
}

/// Which commit was seen, and when.
type Sight = (usize, u64);

/// Lets each organization commit in turn, and measures when its sockets see that.
pub(crate) async fn measure(target: &Target<'_>, load: Load) -> anyhow::Result<Numbers> {
    let Load { organizations, rate, seconds } = load;
    let seats = (0..organizations * SOCKETS)
        .map(|number| Seat { organization: Some(number / SOCKETS), person: number % SOCKETS });
    let open = target.watch(seats).await?;
    let mouths: Vec<Mouth> = open.iter().step_by(SOCKETS).map(Socket::mouth).collect();
    let says: Vec<Says> = (0..organizations).map(|organization| target.says(Some(organization))).collect();
    let whole = WARM + Duration::from_secs(seconds);
    let count = usize::try_from(u64::from(rate) * whole.as_secs())?;
    let zeros = || (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
    let commits = Arc::new(Commits { organizations, asked: zeros(), answered: zeros(), sights: Mutex::default() });
    let mut listeners = JoinSet::new();
    for (number, socket) in open.into_iter().enumerate() {
        listeners.spawn(listen(socket, number / SOCKETS, commits.clone()));
    }
    let server = target.server().id();
    let cpu = || (machine::cpu(server), machine::cpu(std::process::id()), target.database_cpu());
    let (mut before, mut counted_from) = (cpu(), 0);
    let began = Instant::now();
    for mark in 0..count {
        let due = began + Duration::from_secs(1) / rate * u32::try_from(mark)?;
        // A timer is good for a millisecond.
        if let Some(early) = due.checked_duration_since(Instant::now()).filter(|early| early.as_millis() > 0) {
            tokio::time::sleep(early).await;
        }
        if began.elapsed() >= WARM && counted_from == 0 {
            (before, counted_from) = (cpu(), mark);
        }
        let organization = mark % organizations;
        let now = marks::now();
        commits.asked[mark].store(now, Ordering::Relaxed);
        // The ceiling answers nothing.
        commits.answered[mark].store(now, Ordering::Relaxed);
        mouths[organization].say(&says[organization].commit(mark / organizations, mark))?;
    }
    let lasted = began.elapsed();
    let wanted = count * SOCKETS;
    while commits.sights().len() < wanted && began.elapsed() < lasted + LATE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let after = cpu();
    listeners.shutdown().await;
    let seen = commits.sights().len();
    ensure!(seen == wanted, "{seen} sights of {count} commits, each by {SOCKETS} sockets");
    let each = |after: Duration, before: Duration| (after - before).as_secs_f64() * 1e6 / (count - counted_from) as f64;
    let mut numbers = Numbers::of(&format!("{organizations} organizations × {SOCKETS} sockets, {rate} commits/s"));
    let sights = std::mem::take(&mut *commits.sights());
    let counted = || sights.iter().filter(|(mark, _)| *mark >= counted_from);
    let since = |from: &[AtomicU64]| {
        let passed = counted().map(|(mark, at)| at.saturating_sub(from[*mark].load(Ordering::Relaxed)) as f64 / 1e6);
        let mut passed: Vec<_> = passed.collect();
        passed.sort_by(f64::total_cmp);
        passed
    };
    for (name, passed) in [("asked to seen", since(&commits.asked)), ("answered to seen", since(&commits.answered))] {
        for (share, of) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            numbers.add(&format!("{name}, {share}, ms"), percentile(&passed, of));
        }
    }
    numbers.add("commits in a second", count as f64 / lasted.as_secs_f64());
    numbers.add("server's CPU, µs a commit", each(after.0, before.0));
    numbers.add("load's CPU, µs a commit", each(after.1, before.1));
    numbers.add("PostgreSQL's CPU, µs a commit", each(after.2, before.2));
    Ok(numbers)
}

async fn listen(mut socket: Socket, organization: usize, commits: Arc<Commits>) {
    let mut next = organization;
    let mut told = |message: &str| match marks::shown(message) {
        Some(mark) => {
            let now = marks::now();
            // Whoever sees a later state has seen the ones before.
            while next <= mark {
                commits.sights().push((next, now));
                next += commits.organizations;
            }
        }
        None => {
            if let Some(request) = answered(message) {
                commits.answered[request * commits.organizations + organization].store(marks::now(), Ordering::Relaxed);
            }
        }
    };
    while socket.hear(&mut told).await.is_ok() {}
}

/// Which mutation an answer is for.
fn answered(message: &str) -> Option<usize> {
    let rest = message.strip_prefix(r#"{"type":"MutationResponse","requestId":"#)?;
    rest.split_once(',')?.0.parse().ok()
}

impl Commits {
    fn sights(&self) -> MutexGuard<'_, Vec<Sight>> {
        self.sights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
