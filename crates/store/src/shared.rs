//! What all transactions of a database handle share.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{Failpoints, hooks::Hooks, schema::Schema};

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    pub(crate) schema: Schema,
    pub(crate) hooks: Hooks,
    pub(crate) failpoints: Failpoints,
    /// Notified by commits of transactions that called [`crate::Tx::wake`].
    pub(crate) woken: Arc<Notify>,
}
