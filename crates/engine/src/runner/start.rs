//! From a claim to its workers: whose an entry is, and which entries run one after the other.

use std::{collections::HashMap, sync::Arc};

use kernel::{Error, Result};

use super::Node;
use crate::{
    event::{self, Event, Loaded, Routing},
    queue::{Claimed, EVENT, State},
};

/// An entry with what it takes to run it.
pub(super) struct Work {
    pub entry: Claimed,
    pub event: Option<(Event, Vec<String>)>,
}

impl Node {
    /// Ends at once what nobody handles; the rest goes to workers, lane by lane.
    pub(super) async fn start(self: &Arc<Self>, claim: i64, entries: Vec<Claimed>, mut events: Loaded) {
        let mut ignored = Vec::new();
        let mut lanes: HashMap<String, Vec<Work>> = HashMap::new();
        for entry in entries {
            if entry.kind != EVENT {
                self.line_up(claim, Work { entry, event: None }, &mut lanes);
                continue;
            }
            let Some(event) = events.remove(&entry.seq).flatten() else {
                self.give_up(claim, entry, event::dropped());
                continue;
            };
            match self.route(&event) {
                Ok(Routing::Ignore) => ignored.push(entry.seq),
                Ok(Routing::System) => {
                    self.line_up(claim, Work { entry, event: Some((event, Vec::new())) }, &mut lanes);
                }
                Ok(Routing::Keys(keys)) => self.line_up(claim, Work { entry, event: Some((event, keys)) }, &mut lanes),
                Err(error) => self.give_up(claim, entry, error),
            }
        }
        for (_, works) in lanes {
            self.spawn(self.clone().run_lane(claim, works));
        }
        if !ignored.is_empty() {
            self.finish_many(claim, ignored, State::Ignored).await;
        }
    }

    fn route(&self, event: &Event) -> Result<Routing> {
        // A claim takes only events of providers that this node has a handler for.
        let gone = || Error::internal("handler_gone", format!("the handler of {} is gone", event.provider));
        let mut routing = self.handlers.routing(event).ok_or_else(gone)??;
        if let Routing::Keys(keys) = &mut routing {
            keys.extend(event.connection_key());
        }
        Ok(routing)
    }

    fn line_up(self: &Arc<Self>, claim: i64, work: Work, lanes: &mut HashMap<String, Vec<Work>>) {
        match &work.entry.lane {
            Some(lane) => lanes.entry(lane.clone()).or_default().push(work),
            None => self.spawn(self.clone().run_lane(claim, vec![work])),
        }
    }

    fn give_up(self: &Arc<Self>, claim: i64, entry: Claimed, error: Error) {
        let inner = self.clone();
        self.spawn(async move {
            inner.failed(claim, &entry, error).await;
        });
    }
}
