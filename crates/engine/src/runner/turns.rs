//! Turns: of those with the same keys, one at a time on this node.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Who has the turn for which keys.
#[derive(Default)]
pub(super) struct Turns(std::sync::Mutex<HashMap<Vec<String>, Arc<Mutex<()>>>>);

impl Turns {
    /// Waits for the turn, which lasts until it is dropped.
    pub(super) async fn take(&self, keys: &[String]) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody has or awaits those that only the map holds.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(keys.to_vec()).or_default().clone()
        };
        turn.lock_owned().await
    }
}
