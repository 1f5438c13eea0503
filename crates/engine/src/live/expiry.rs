//! What ends by time alone while it is watched: tokens, keys, impersonations. One task looks after all of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use kernel::Time;
use tokio::sync::Notify;

use super::{Hub, tenant::Tenant};

/// How often it looks. The clock may jump, so it does not sleep until the next one is due.
const EVERY: Duration = Duration::from_millis(250);

/// What ends when: by the time, and the number of the view or the viewer.
#[derive(Default)]
pub(super) struct Expiries(Mutex<BTreeMap<(Time, u64), Due>>);

/// Who is to look again.
pub(super) enum Due {
    /// A view, whose token has expired.
    View(Arc<Notify>),
    /// A viewer, who may be somebody else from then on.
    Viewer { tenant: Weak<Tenant>, credentials: Arc<str> },
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

/// Tells everybody for whom something ends, until it is aborted.
pub(super) async fn watch(hub: Arc<Hub>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        for due in hub.expiries.take(hub.operations.world().now()) {
            match due {
                Due::View(view) => view.notify_one(),
                Due::Viewer { tenant, credentials } => {
                    if let Some(tenant) = tenant.upgrade() {
                        tenant.doubt(&hub, &credentials);
                    }
                }
            }
        }
    }
}
