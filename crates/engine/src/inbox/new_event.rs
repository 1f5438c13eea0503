//! Rows of the inbox: an event on its way to the disk, and what an insert found there.

use std::collections::HashMap;

use bytes::Bytes;
use kernel::{Result, Time};
use provider::Received;
use store::Row;

use super::{Delivery, Relevance};
use crate::{
    Event, World,
    queue::{Seq, State, hash},
    text::into_storable,
};

/// Attempts of a handler before an event is given up: with the backoff of the queue, five hours or more.
pub(super) const MAX_ATTEMPTS: i64 = 17;
/// What an event takes in memory besides its texts and its body.
const OVERHEAD: usize = 1024;

/// An event that is about to be inserted, with its job.
#[derive(Clone, Debug)]
pub(super) struct NewEvent {
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
    /// Ready, or ended at once: ignored where nobody handles the kind, dead where the event is malformed.
    pub state: State,
    /// None for an event that has ended.
    pub rank: Option<i64>,
    pub error: Option<String>,
}

impl NewEvent {
    /// The events of a delivery. Those that `relevance` knows to concern nobody have ended.
    pub(super) fn of(delivery: Delivery, world: &World, relevance: Option<&Relevance>) -> Vec<Self> {
        let headers: HashMap<_, _> = delivery.headers.iter().map(|(name, value)| (name, value)).collect();
        let headers = serde_json::to_string(&headers).ok().filter(|_| !headers.is_empty());
        let Delivery { provider, connection, received_at, events, .. } = delivery;
        let new_event = |received: Received| {
            // The hash stands for what the vendor sent, whatever can be stored of it.
            let hash = hash(&[provider, &connection, &received.external_id]);
            let tenant = received.account.as_deref().map(|account| format!("{provider}:{account}"));
            let mut event = Self {
                hash,
                provider,
                connection: into_storable(connection.clone()),
                external_id: into_storable(received.external_id),
                kind: into_storable(received.kind),
                account: received.account.map(into_storable),
                occurred_at: received.occurred_at,
                received_at,
                headers: headers.clone(),
                body: received.payload,
                tenant: into_storable(tenant.unwrap_or_default()),
                lane: received.lane.map(|lane| into_storable(format!("{provider}:{lane}"))),
                state: State::Ready,
                rank: None,
                error: received.defect.map(into_storable),
            };
            event.state = match (&event.error, relevance) {
                (Some(_), _) => State::Dead,
                (None, Some(relevance)) if relevance.concerns_nobody(&event.as_handlers_see_it()) => State::Ignored,
                (None, _) => State::Ready,
            };
            if event.state == State::Ready {
                event.rank = Some(world.rank(&event.tenant));
            }
            event
        };
        events.into_iter().map(new_event).collect()
    }

    /// The event as a handler sees it, before it has a number.
    fn as_handlers_see_it(&self) -> Event {
        Event {
            seq: 0,
            provider: self.provider.to_owned(),
            connection: self.connection.clone(),
            external_id: self.external_id.clone(),
            kind: self.kind.clone(),
            account: self.account.clone(),
            occurred_at: self.occurred_at,
            received_at: self.received_at,
            payload: self.body.clone(),
        }
    }

    /// The bytes that it takes in memory while it waits to be written, roughly.
    pub(super) fn size(&self) -> usize {
        let optional = [&self.account, &self.headers, &self.lane, &self.error];
        let optional = optional.into_iter().flatten().map(String::len).sum::<usize>();
        let texts = self.connection.len() + self.external_id.len() + self.kind.len() + self.tenant.len();
        OVERHEAD + self.body.len() + texts + optional
    }

    /// Whether a stored event is this one: two that only share the hash are not.
    pub(super) fn is(&self, provider: &str, connection: &str, external_id: &str) -> bool {
        self.provider == provider && self.connection == connection && self.external_id == external_id
    }

    /// The same event under another hash, for the case that a different event has the first.
    pub(super) fn rehashed(&self) -> Self {
        let hash = hash(&["again", self.provider, &self.connection, &self.external_id]);
        Self { hash, ..self.clone() }
    }
}

/// An event that was stored before.
pub(super) struct StoredEvent {
    pub seq: Seq,
    pub provider: String,
    pub connection: String,
    pub external_id: String,
}

impl StoredEvent {
    /// With its hash.
    pub(super) fn from_row(row: &Row) -> Result<(i64, Self)> {
        let event = Self {
            seq: row.int("seq")?,
            provider: row.text("provider")?,
            connection: row.text("connection")?,
            external_id: row.text("external_id")?,
        };
        Ok((row.int("hash")?, event))
    }
}

/// What an insert did.
pub(super) struct Inserted {
    /// The numbers of the events that are new, by hash.
    pub fresh: HashMap<i64, Seq>,
    /// Hashes that moved from memory to the table of keys (SQLite only).
    pub moved: usize,
}
