//! Who may run now: so many at once, and where many wait, each tenant in turn.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Permits for handlers that run at the same time, a semaphore in which tenants take turns. Cheap to clone.
#[derive(Clone)]
pub(super) struct Permits(Arc<Mutex<Waiting>>);

struct Waiting {
    free: usize,
    closed: bool,
    /// Who waits, by tenant.
    lines: HashMap<String, VecDeque<oneshot::Sender<Permit>>>,
    /// The tenants that wait, in the order of their turns.
    turns: VecDeque<String>,
}

/// A permit to run one entry; given on when it is dropped.
pub(super) struct Permit(Option<Permits>);

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        let waiting = Waiting { free: count, closed: false, lines: HashMap::new(), turns: VecDeque::new() };
        Self(Arc::new(Mutex::new(waiting)))
    }

    /// Waits for a permit. None when no more are given.
    pub(super) async fn acquire(&self, tenant: &str) -> Option<Permit> {
        let permit = {
            let mut waiting = self.lock();
            if waiting.closed {
                return None;
            }
            if waiting.free > 0 {
                waiting.free -= 1;
                return Some(Permit(Some(self.clone())));
            }
            let (give, permit) = oneshot::channel();
            let line = waiting.lines.entry(tenant.to_owned()).or_default();
            line.push_back(give);
            if line.len() == 1 {
                waiting.turns.push_back(tenant.to_owned());
            }
            permit
        };
        permit.await.ok()
    }

    /// Gives no more permits. Those who wait are told so.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.turns.clear();
        waiting.lines.clear();
    }

    fn give_on(self) {
        // The lock is not held while a permit is sent: one that nobody takes comes back here.
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.next();
                if next.is_none() {
                    waiting.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Permit(Some(self.clone()))) {
                Ok(()) => return,
                // Who waited is gone; the permit must not give itself on when it is dropped here.
                Err(mut permit) => drop(permit.0.take()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The first in line of the tenant whose turn it is.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        let tenant = self.turns.pop_front()?;
        let line = self.lines.get_mut(&tenant)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        next
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(permits) = self.0.take() {
            permits.give_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tenants_that_wait_take_turns_however_long_their_lines_are() {
        let permits = Permits::new(1);
        let busy = permits.acquire("loud").await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for tenant in ["loud", "loud", "loud", "quiet"] {
            let (permits, order) = (permits.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let permit = permits.acquire(tenant).await;
                order.lock().unwrap().push(tenant);
                drop(permit);
            }));
            tokio::task::yield_now().await;
        }
        drop(busy);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["loud", "quiet", "loud", "loud"]);
    }

    #[tokio::test]
    async fn a_permit_that_nobody_takes_any_more_is_given_to_the_next() {
        let permits = Permits::new(1);
        let busy = permits.acquire("a").await.unwrap();
        let (gone, next) = (permits.clone(), permits.clone());
        let gone = tokio::spawn(async move { gone.acquire("a").await.map(drop) });
        tokio::task::yield_now().await;
        let next = tokio::spawn(async move { next.acquire("b").await.map(drop) });
        tokio::task::yield_now().await;
        gone.abort();
        gone.await.unwrap_err();
        drop(busy);
        assert!(next.await.unwrap().is_some());
        assert!(permits.acquire("c").await.is_some());
    }

    #[tokio::test]
    async fn closing_sends_those_away_who_wait() {
        let permits = Permits::new(1);
        let busy = permits.acquire("a").await.unwrap();
        let waiting = permits.clone();
        let waiting = tokio::spawn(async move { waiting.acquire("a").await.is_none() });
        tokio::task::yield_now().await;
        permits.close();
        assert!(waiting.await.unwrap());
        drop(busy);
        assert!(permits.acquire("a").await.is_none());
    }
}
