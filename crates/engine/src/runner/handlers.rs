//! Who handles what.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kernel::Result;

use super::run::panicked;
use crate::{
    Cron, Event, EventHandler, Job, Routing,
    queue::{Erased, Known, Tools, erase},
};

/// Everything that can be run: the features register themselves here.
#[derive(Clone, Default)]
pub struct Handlers {
    events: HashMap<&'static str, Arc<dyn EventHandler>>,
    jobs: HashMap<&'static str, Erased>,
    crons: Vec<Cron>,
    tools: Tools,
}

impl Handlers {
    /// Nobody handles anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of `provider` go to `handler`.
    pub fn on(&mut self, provider: &'static str, handler: Arc<dyn EventHandler>) -> &mut Self {
        self.events.insert(provider, handler);
        self
    }

    /// Jobs of the type `J` can be run.
    pub fn job<J: Job>(&mut self) -> &mut Self {
        self.jobs.insert(J::NAME, erase::<J>());
        self
    }

    /// `cron` fires at its times.
    pub fn cron(&mut self, cron: Cron) -> &mut Self {
        self.crons.push(cron);
        self
    }

    /// Jobs find `tool` by its type, such as a vendor's client: see [`crate::JobCtx::tool`].
    pub fn lend<T: Send + Sync + 'static>(&mut self, tool: T) -> &mut Self {
        self.tools.insert(tool);
        self
    }

    /// What jobs work with.
    pub(super) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The crons.
    pub fn crons(&self) -> &[Cron] {
        &self.crons
    }

    /// What a node with these handlers can run.
    pub fn known(&self) -> Known {
        Known {
            jobs: self.jobs.iter().map(|(kind, job)| ((*kind).to_owned(), job.version)).collect(),
            providers: self
                .events
                .iter()
                .map(|(provider, handler)| ((*provider).to_owned(), handler.version()))
                .collect(),
        }
    }

    /// Those whose events somebody handles.
    pub(super) fn providers(&self) -> Vec<String> {
        self.events.keys().map(ToString::to_string).collect()
    }

    /// Whose an event is, by the handler of its provider; none where there is no handler. A handler that panics refuses
    /// the event.
    pub(crate) fn routing(&self, event: &Event) -> Option<Result<Routing>> {
        let handler = self.event(&event.provider)?;
        let routing = catch_unwind(AssertUnwindSafe(|| handler.routing(event)));
        Some(routing.unwrap_or_else(|_| Err(panicked())))
    }

    pub(super) fn event(&self, provider: &str) -> Option<&Arc<dyn EventHandler>> {
        self.events.get(provider)
    }

    pub(super) fn named(&self, job: &str) -> Option<&Erased> {
        self.jobs.get(job)
    }
}
