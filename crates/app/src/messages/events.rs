//! Handles the events of messaging vendors.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Applied, Event, EventCtx, EventHandler, Routing};
use kernel::{Error, Result};
use provider::messaging::{Change, Reader};

use super::{
    mutations::{self, Source},
    together,
};
use crate::connections;

/// The handler of the events of one messaging vendor.
pub(crate) struct Events {
    reader: Arc<dyn Reader>,
}

impl Events {
    pub(crate) fn new(reader: Arc<dyn Reader>) -> Self {
        Self { reader }
    }

    /// Parses an event.
    fn read(&self, ctx: &EventCtx<'_>, event: &Event) -> Result<(Source, Vec<Change>)> {
        let source = Source {
            provider: event.provider.clone(),
            channel: self.reader.channel(),
            connection: ctx.connection().map(str::to_owned),
            at: event.occurred_at.unwrap_or(event.received_at),
        };
        Ok((source, self.reader.read(&event.kind, &event.payload)?))
    }
}

#[async_trait]
impl EventHandler for Events {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn routing(&self, event: &Event) -> Result<Routing> {
        if !self.reader.reads(&event.kind) {
            return Ok(Routing::Ignore);
        }
        match &event.account {
            Some(account) => Ok(Routing::Keys(vec![connections::route_key(&event.provider, account)])),
            None if !event.connection.is_empty() => Ok(Routing::Keys(Vec::new())),
            None => {
                Err(Error::bad_request("account_missing", "the event does not say which of our accounts it is about"))
            }
        }
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied> {
        let (source, changes) = self.read(ctx, event)?;
        for change in &changes {
            mutations::store(ctx, &source, change).await?;
        }
        Ok(applied(&changes))
    }

    async fn apply_all(&self, ctx: &mut EventCtx<'_>, events: &[Event]) -> Result<Vec<Applied>> {
        let arrivals = events.iter().map(|event| self.read(ctx, event)).collect::<Result<Vec<_>>>()?;
        together::store_all(ctx, &arrivals).await?;
        Ok(arrivals.iter().map(|(_, changes)| applied(changes)).collect())
    }
}

fn applied(changes: &[Change]) -> Applied {
    if changes.is_empty() { Applied::Ignored } else { Applied::Done }
}
