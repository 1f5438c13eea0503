//! Handles the events of messaging vendors.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Applied, Event, EventCtx, EventHandler, Routing};
use kernel::{Error, Result};
use provider::messaging::{Change, Reader};

use super::mutations::{self, Source};
use crate::connections;

/// The handler of the events of one messaging vendor.
pub(crate) struct Events {
    reader: Arc<dyn Reader>,
}

impl Events {
    pub(crate) fn new(reader: Arc<dyn Reader>) -> Self {
        Self { reader }
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
        let source = Source {
            provider: event.provider.clone(),
            channel: self.reader.channel(),
            connection: ctx.connection().map(str::to_owned),
            at: event.occurred_at.unwrap_or(event.received_at),
        };
        let changes = self.reader.read(&event.kind, &event.payload)?;
        for change in &changes {
            match change {
                Change::Message(message) => mutations::receive(ctx, &source, message).await?,
                Change::Delivery(delivery) => mutations::deliver(ctx, &source, delivery).await?,
                Change::Renamed(renamed) => mutations::rename(ctx, &source, renamed).await?,
            }
        }
        Ok(if changes.is_empty() { Applied::Ignored } else { Applied::Done })
    }
}
