//! One claim, and who gets what of it.

use std::{collections::HashMap, sync::Arc};

use kernel::{Result, Scope};
use store::Isolation;

use super::Inner;
use crate::{
    event::{self, Event, Routing},
    queue::{
        Claimed, EVENT, Seq, State,
        sql::{self, Want},
    },
};

/// Entries that one claim takes at most.
const CLAIM: usize = 512;

/// An entry with what it takes to run it.
pub(super) struct Work {
    pub entry: Claimed,
    pub event: Option<(Event, Vec<String>)>,
}

impl Inner {
    /// Claims and starts what is ready. True when there may be more at once.
    pub(super) async fn round(self: &Arc<Self>) -> bool {
        let free = self.options.held.saturating_sub(self.held()).min(CLAIM);
        if free < CLAIM.min(self.options.held) / 4 {
            return false;
        }
        let want = Want {
            limit: i64::try_from(free).unwrap_or(0),
            claim: self.world.number(),
            lease_until: self.world.now() + self.options.lease,
            saturated: self.saturated(),
        };
        let claim = want.claim;
        match self.claim(want).await {
            Ok((entries, events)) => {
                let full = entries.len() == free;
                self.start(claim, entries, events).await;
                full
            }
            Err(error) => {
                tracing::warn!(?error, "nothing could be claimed");
                false
            }
        }
    }

    async fn claim(&self, want: Want) -> Result<(Vec<Claimed>, HashMap<Seq, Event>)> {
        let (now, alone) = (self.world.now(), self.is_idle());
        let write = store::work(move |tx| {
            let want = want.clone();
            Box::pin(async move {
                sql::promote(tx, now).await?;
                let entries = if sql::has_suspects(tx).await? {
                    // What may have crashed the process runs with nothing beside it: first let everything else end.
                    if !alone {
                        return Ok((Vec::new(), HashMap::new()));
                    }
                    sql::claim_suspect(tx, want.claim, want.lease_until).await?.into_iter().collect()
                } else {
                    sql::claim(tx, &want).await?
                };
                let seqs: Vec<_> = entries.iter().filter(|entry| entry.kind == EVENT).map(|entry| entry.seq).collect();
                let events = if seqs.is_empty() { HashMap::new() } else { event::load(tx, &seqs).await? };
                Ok((entries, events))
            })
        });
        self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
    }

    /// Ends at once what nobody handles; the rest goes to workers, lane by lane.
    async fn start(self: &Arc<Self>, claim: i64, entries: Vec<Claimed>, mut events: HashMap<Seq, Event>) {
        let mut ignored = Vec::new();
        let mut lanes: HashMap<String, Vec<Work>> = HashMap::new();
        for entry in entries {
            self.hold(entry.seq, claim, &entry.tenant);
            if entry.kind != EVENT {
                self.line_up(claim, Work { entry, event: None }, &mut lanes);
                continue;
            }
            let Some(event) = events.remove(&entry.seq) else {
                ignored.push(entry.seq);
                continue;
            };
            match self.route(&event) {
                Ok(Routing::Ignore) => ignored.push(entry.seq),
                Ok(Routing::System) => {
                    self.line_up(claim, Work { entry, event: Some((event, Vec::new())) }, &mut lanes)
                }
                Ok(Routing::Keys(keys)) => self.line_up(claim, Work { entry, event: Some((event, keys)) }, &mut lanes),
                Err(error) => {
                    let inner = self.clone();
                    tokio::spawn(async move { inner.failed(claim, &entry, error).await });
                }
            }
        }
        for (_, works) in lanes {
            tokio::spawn(self.clone().run_lane(claim, works));
        }
        if !ignored.is_empty() {
            self.finish_many(claim, ignored, State::Ignored).await;
        }
    }

    fn route(&self, event: &Event) -> Result<Routing> {
        let Some(handler) = self.handlers.event(&event.provider) else { return Ok(Routing::Ignore) };
        let mut routing = handler.routing(event)?;
        if let Routing::Keys(keys) = &mut routing
            && !event.connection.is_empty()
        {
            // What the signed payload says comes first; the path is the last resort.
            keys.push(format!("connection:{}", event.connection));
        }
        Ok(routing)
    }

    fn line_up(self: &Arc<Self>, claim: i64, work: Work, lanes: &mut HashMap<String, Vec<Work>>) {
        match &work.entry.lane {
            Some(lane) => lanes.entry(lane.clone()).or_default().push(work),
            None => drop(tokio::spawn(self.clone().run_lane(claim, vec![work]))),
        }
    }
}
