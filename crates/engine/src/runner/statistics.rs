//! The database's statistics, kept while its tables grow.

use std::{sync::Arc, time::Duration};

use store::Engine;

use super::Node;

/// How often the tables are looked at.
const LOOK: Duration = Duration::from_secs(2);

impl Node {
    /// Looks whether tables have outgrown their statistics, until it is aborted.
    pub(super) async fn keep_statistics(self: Arc<Self>) {
        if self.db.engine() == Engine::Sqlite {
            return;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            match self.db.refresh_statistics().await {
                Ok(0) => {}
                Ok(tables) => tracing::debug!(tables, "statistics were made anew"),
                Err(error) => tracing::debug!(?error, "statistics were not looked at"),
            }
        }
    }
}
