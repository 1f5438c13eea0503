//! Tokens that expire while somebody watches: one task looks after all of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::Time;
use tokio::sync::Notify;

use super::Inner;

/// How often it looks. The clock may jump, so it does not sleep until the next one is due.
const EVERY: Duration = Duration::from_millis(250);

/// Which views end when.
#[derive(Default)]
pub(super) struct Expiries(Mutex<BTreeMap<(Time, u64), Arc<Notify>>>);

impl Expiries {
    pub(super) fn add(&self, at: Option<Time>, view: u64, notify: &Arc<Notify>) {
        if let Some(at) = at {
            self.lock().insert((at, view), notify.clone());
        }
    }

    pub(super) fn remove(&self, at: Option<Time>, view: u64) {
        if let Some(at) = at {
            self.lock().remove(&(at, view));
        }
    }

    fn wake(&self, now: Time) {
        let mut all = self.lock();
        let later = all.split_off(&(now + Duration::from_millis(1), 0));
        for notify in std::mem::replace(&mut *all, later).into_values() {
            notify.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Time, u64), Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes views when their tokens expire, until it is aborted.
pub(super) async fn watch(inner: Arc<Inner>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        inner.expiries.wake(inner.operations.world().now());
    }
}
