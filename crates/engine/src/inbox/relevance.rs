//! Which events concern nobody, decided when they arrive: they are stored as ended and never enter the queue.

use std::sync::Arc;

use crate::{Event, Handlers, Routing};

/// The decision. Cheap to clone.
///
/// It is the same decision that a worker makes when it claims an event, made earlier: routing depends on the content of
/// an event alone. What cannot be decided here (a provider without a handler on this node, a handler that refuses the
/// event or panics, a node whose handler may be older than another's) is left to the queue.
#[derive(Clone)]
pub struct Relevance {
    handlers: Handlers,
    decides: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Relevance {
    /// Decides by the routing of these handlers.
    pub fn new(handlers: Handlers) -> Self {
        Self { handlers, decides: Arc::new(|_| true) }
    }

    /// Decides only about the events of providers for which `decides` is true: those whose handler on this node is the
    /// newest of all nodes that live. It is asked for every event, so it must be fast.
    #[must_use]
    pub fn only_if(mut self, decides: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.decides = Arc::new(decides);
        self
    }

    /// Whether it is certain that nobody handles this event.
    pub(super) fn concerns_nobody(&self, event: &Event) -> bool {
        matches!(self.handlers.routing(event), Some(Ok(Routing::Ignore))) && (self.decides)(&event.provider)
    }
}
