//! From a claim to its workers: whose an entry is, and which entries run one after the other.

use std::{collections::HashMap, sync::Arc};

use kernel::{Error, Result};

use super::{Node, together::grouped};
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
        let (mut ignored, mut works) = (Vec::new(), Vec::new());
        for entry in entries {
            if entry.kind != EVENT {
                works.push(Work { entry, event: None });
                continue;
            }
            let Some(event) = events.remove(&entry.seq).flatten() else {
                self.give_up(claim, entry, event::dropped());
                continue;
            };
            match self.route(&event) {
                Ok(Routing::Ignore) => ignored.push(entry.seq),
                Ok(Routing::System) => works.push(Work { entry, event: Some((event, Vec::new())) }),
                Ok(Routing::Keys(keys)) => works.push(Work { entry, event: Some((event, keys)) }),
                Err(error) => self.give_up(claim, entry, error),
            }
        }
        let (groups, lanes) = grouped(laned(works));
        for group in groups {
            self.spawn(self.clone().run_group(claim, group));
        }
        for lane in lanes {
            self.spawn(self.clone().run_lane(claim, lane));
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

    fn give_up(self: &Arc<Self>, claim: i64, entry: Claimed, error: Error) {
        let inner = self.clone();
        self.spawn(async move {
            inner.failed(claim, &entry, error).await;
        });
    }
}

/// The lanes of these, each in order, and as lanes of their own those that have none.
pub(super) fn laned(works: Vec<Work>) -> Vec<Vec<Work>> {
    let (mut lanes, mut all) = (HashMap::<String, Vec<Work>>::new(), Vec::new());
    for work in works {
        match &work.entry.lane {
            Some(lane) => lanes.entry(lane.clone()).or_default().push(work),
            None => all.push(vec![work]),
        }
    }
    all.extend(lanes.into_values());
    all
}
