//! What processes remember of organizations in memory, and how they are told to forget one.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kernel::OrgId;
use store::Db;

use super::closed;

/// How often a process looks for organizations that were closed.
const LOOK: Duration = Duration::from_secs(5);

/// A part of the process that remembers things of organizations for a while.
pub trait Remembers: Send + Sync {
    /// Forgets everything of an organization that was closed.
    fn forget(&self, organization: &OrgId);
}

/// Lets every cache of this process forget the organizations that are closed, as soon as it learns of them; until it is
/// aborted. What is closed on one node is so on all of them, and an erasure takes longer than a look.
pub async fn forget_closed(db: Db, caches: Vec<Arc<dyn Remembers>>) {
    let mut known: HashSet<OrgId> = HashSet::new();
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        match closed(&db).await {
            Ok(closed) => {
                let closed: HashSet<_> = closed.into_iter().map(|(organization, _)| organization).collect();
                for organization in &closed {
                    // Again at every look, until it is erased: what was under way may have been remembered since.
                    caches.iter().for_each(|cache| cache.forget(organization));
                }
                for organization in known.difference(&closed) {
                    caches.iter().for_each(|cache| cache.forget(organization));
                }
                known = closed;
            }
            Err(error) => tracing::debug!(?error, "closed organizations were not looked for"),
        }
    }
}
