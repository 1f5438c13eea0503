//! An event as it is written: with its place in the queue.

use std::collections::HashMap;

use bytes::Bytes;
use kernel::Time;
use provider::Received;

use super::Delivery;
use crate::{
    World,
    queue::{State, hash},
};

/// Attempts of a handler before an event is given up: with the back-off of the queue, five hours or more.
pub(super) const MAX_ATTEMPTS: i64 = 17;

/// One event on its way to the disk.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Stands for provider, connection and external id.
    pub hash: i64,
    pub provider: &'static str,
    pub connection: String,
    pub external_id: String,
    pub kind: String,
    pub account: Option<String>,
    pub occurred_at: Option<Time>,
    pub received_at: Time,
    /// JSON.
    pub headers: Option<String>,
    pub body: Bytes,
    pub tenant: String,
    pub lane: Option<String>,
    pub state: State,
    /// Null for what nobody will run.
    pub rank: Option<i64>,
    pub error: Option<String>,
}

impl Entry {
    /// The entries of a delivery.
    pub(super) fn of(delivery: Delivery, world: &World) -> Vec<Self> {
        let headers: HashMap<_, _> = delivery.headers.iter().map(|(name, value)| (name, value)).collect();
        let headers = serde_json::to_string(&headers).ok();
        let Delivery { provider, connection, received_at, events, .. } = delivery;
        let entry = |event: Received| {
            let tenant = event.account.as_deref().map(|account| format!("{provider}:{account}")).unwrap_or_default();
            let runs = event.defect.is_none();
            Self {
                hash: hash(&[provider, &connection, &event.external_id]),
                provider,
                connection: connection.clone(),
                rank: runs.then(|| world.rank(&tenant)),
                tenant,
                lane: event.lane.map(|lane| format!("{provider}:{lane}")),
                external_id: event.external_id,
                kind: event.kind,
                account: event.account,
                occurred_at: event.occurred_at,
                received_at,
                headers: headers.clone(),
                body: event.payload,
                state: if runs { State::Ready } else { State::Dead },
                error: event.defect,
            }
        };
        events.into_iter().map(entry).collect()
    }

    /// Whether a stored event is this one: two that only share the hash are not.
    pub(super) fn is(&self, provider: &str, connection: &str, external_id: &str) -> bool {
        self.provider == provider && self.connection == connection && self.external_id == external_id
    }

    /// The same event under another hash, for the case that a stranger has the first.
    pub(super) fn rehashed(&self) -> Self {
        let hash = hash(&["again", self.provider, &self.connection, &self.external_id]);
        Self { hash, ..self.clone() }
    }
}
