//! What ends by time alone while somebody watches: tokens, and what people are. One task looks after all of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use kernel::Time;
use tokio::sync::Notify;

use super::{Inner, room::Room};

/// How often it looks. The clock may jump, so it does not sleep until the next one is due.
const EVERY: Duration = Duration::from_millis(250);

/// What ends when: by the time, and the number of the view or the seat.
#[derive(Default)]
pub(super) struct Expiries(Mutex<BTreeMap<(Time, u64), Due>>);

/// Who is to look again.
pub(super) enum Due {
    /// A view, whose token has expired.
    View(Arc<Notify>),
    /// A room, in which somebody may be somebody else.
    Seat { room: Weak<Room>, person: Arc<str> },
}

impl Expiries {
    pub(super) fn add(&self, at: Option<Time>, number: u64, due: Due) {
        if let Some(at) = at {
            self.lock().insert((at, number), due);
        }
    }

    pub(super) fn remove(&self, at: Option<Time>, number: u64) {
        if let Some(at) = at {
            self.lock().remove(&(at, number));
        }
    }

    fn take(&self, now: Time) -> impl Iterator<Item = Due> + use<> {
        let mut all = self.lock();
        let later = all.split_off(&(now + Duration::from_millis(1), 0));
        std::mem::replace(&mut *all, later).into_values()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Time, u64), Due>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes those look again for whom something ends, until it is aborted.
pub(super) async fn watch(inner: Arc<Inner>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        for due in inner.expiries.take(inner.operations.world().now()) {
            match due {
                Due::View(view) => view.notify_one(),
                Due::Seat { room, person } => {
                    if let Some(room) = room.upgrade() {
                        room.doubt(&inner, &person);
                    }
                }
            }
        }
    }
}
