//! This node's lease, as it knows it without asking the database.

use std::time::Duration;

use kernel::Time;
use tokio::{sync::watch, time::Instant};

use crate::nodes::{Contact, NodeNumber};

/// The lease. It is renewed by the heartbeat; whoever is about to claim or to begin something looks at it.
pub(super) struct Lease {
    span: Duration,
    held: watch::Sender<Held>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// The number under which this node is registered, as far as it knows.
    node: Option<NodeNumber>,
    /// Until when the lease surely holds; none for ever.
    until: Option<Instant>,
    contact: Contact,
}

impl Lease {
    /// No lease yet; each one will last for `span`.
    pub(super) fn new(span: Duration) -> Self {
        Self { span, held: watch::Sender::new(Held::default()) }
    }

    /// The number of this node while its lease holds. After a pause of the process, or an outage of the database, there is
    /// none until the heartbeat has renewed the lease.
    pub(super) fn node(&self) -> Option<NodeNumber> {
        let held = self.held.borrow();
        held.node.filter(|_| held.until.is_none_or(|until| until > Instant::now()))
    }

    /// Waits until the lease holds.
    pub(super) async fn held(&self) -> NodeNumber {
        let mut changes = self.held.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(node) = self.node() {
                return node;
            }
            // The sender is here: it cannot be gone.
            changes.changed().await.unwrap_or_default();
        }
    }

    /// The number under which this node is registered, whether or not its lease still holds.
    pub(super) fn registered(&self) -> Option<NodeNumber> {
        self.held.borrow().node
    }

    /// The database has registered this node, or extended its lease: it counts from the moment of the request.
    pub(super) fn extended(&self, node: NodeNumber, requested: Instant, clock: Time) {
        self.held.send_modify(|held| {
            (held.node, held.until) = (Some(node), Some(requested + self.span));
            held.contact.heard(Instant::now(), clock, self.span);
        });
    }

    /// A lease without an end: the database has no other node.
    pub(super) fn alone(&self, node: NodeNumber) {
        self.held.send_modify(|held| (held.node, held.until) = (Some(node), None));
    }

    /// The database did not answer the heartbeat.
    pub(super) fn unanswered(&self) {
        self.held.send_modify(|held| held.contact.lost());
    }

    /// This node was taken for dead, or ends.
    pub(super) fn lost(&self) {
        self.held.send_replace(Held::default());
    }

    /// The number of this node if it may take over from nodes whose leases have lapsed.
    pub(super) fn reaper(&self) -> Option<NodeNumber> {
        let may = self.held.borrow().contact.lasts(Instant::now(), self.span);
        self.node().filter(|_| may)
    }

    /// How long ago the lease was renewed; none when the last renewal failed.
    pub(super) fn age(&self) -> Option<Duration> {
        self.held.borrow().contact.age(Instant::now())
    }
}
