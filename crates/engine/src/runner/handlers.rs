//! Who handles what.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kernel::Result;

use super::run::panicked;
use crate::{
    Cron, Event, EventHandler, Job, Routing, Sweep,
    queue::{Erased, Known, Tools, erase},
    retention::own_sweeps,
    route::ReleaseEvents,
};

impl Default for Handlers {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything that can be run: the features register themselves here.
#[derive(Clone)]
pub struct Handlers {
    events: HashMap<&'static str, Arc<dyn EventHandler>>,
    jobs: HashMap<&'static str, Erased>,
    crons: Vec<Cron>,
    sweeps: Vec<Sweep>,
    tools: Tools,
}

impl Handlers {
    /// Only what the engine does by itself.
    pub fn new() -> Self {
        let (events, jobs, crons, tools) = Default::default();
        let mut own = Self { events, jobs, crons, sweeps: own_sweeps(), tools };
        own.job::<ReleaseEvents>();
        own
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

    /// `sweep` deletes what is old of a table: see [`crate::register_retention`].
    pub fn sweep(&mut self, sweep: Sweep) -> &mut Self {
        self.sweeps.push(sweep);
        self
    }

    /// The sweeps over all tables.
    pub fn sweeps(&self) -> &[Sweep] {
        &self.sweeps
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
