//! Who handles what.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kernel::{Error, Result};

use super::run::panicked;
use crate::{
    Cron, DomainEvent, Event, EventHandler, Job, Operations, Routing, Subscriber, Subscriptions, Sweep, domain,
    event_fanout,
    queue::{EVENT, Erased, Known, Tools, erase},
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
    events: HashMap<&'static str, Provider>,
    jobs: HashMap<String, Erased>,
    crons: Vec<Cron>,
    sweeps: Vec<Sweep>,
    tools: Tools,
    operations: Option<Operations>,
    subscriptions: Subscriptions,
    /// What was registered twice.
    duplicates: Vec<String>,
}

/// The handlers of one provider's events.
#[derive(Clone)]
struct Provider {
    each: Vec<Arc<dyn EventHandler>>,
    /// All of them as one.
    together: Arc<dyn EventHandler>,
}

impl Handlers {
    /// Only what the engine does by itself.
    pub fn new() -> Self {
        let mut own = Self {
            events: HashMap::new(),
            jobs: HashMap::new(),
            crons: Vec::new(),
            sweeps: own_sweeps(),
            tools: Tools::default(),
            operations: None,
            subscriptions: Subscriptions::default(),
            duplicates: Vec::new(),
        };
        own.job::<ReleaseEvents>();
        own
    }

    /// The events of `provider` go to `handler`, beside those that handle them already. Each has an outcome of its own: where
    /// several want an event, each gets it as a job.
    pub fn on(&mut self, provider: &'static str, handler: Arc<dyn EventHandler>) -> &mut Self {
        let mut each = self.events.remove(provider).map(|before| before.each).unwrap_or_default();
        let kind = event_fanout::kind(provider, &*handler);
        self.add(kind, event_fanout::handler_job(provider, handler.clone()), "event handlers");
        each.push(handler);
        let together = event_fanout::together(&each);
        self.events.insert(provider, Provider { each, together });
        self
    }

    /// Jobs of the type `J` can be run.
    pub fn job<J: Job>(&mut self) -> &mut Self {
        if J::NAME == EVENT || J::NAME.contains('>') {
            self.duplicates.push(format!("the job {:?} has a name that is kept for the engine", J::NAME));
        }
        self.add(J::NAME.to_owned(), erase::<J>(), "jobs");
        self
    }

    /// `subscriber` hears of every `E`, each by a job of its own. `name` is the subscriber's own, such as the feature's: it is in
    /// the queue, so never change it.
    pub fn subscribe<E, S>(&mut self, name: &'static str, subscriber: S) -> &mut Self
    where
        E: DomainEvent,
        S: Subscriber<E>,
    {
        let kind = self.subscriptions.add(E::NAME, name);
        self.add(kind, domain::subscriber_job::<E, S>(Arc::new(subscriber)), "subscribers");
        self
    }

    /// `cron` fires at its times.
    pub fn cron(&mut self, cron: Cron) -> &mut Self {
        if self.crons.iter().any(|other| other.name() == cron.name()) {
            self.duplicates.push(format!("two crons are called {}", cron.name()));
        }
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

    /// Jobs can call these operations: see [`crate::JobCtx::query`] and [`crate::JobCtx::mutation`].
    pub fn calling(&mut self, operations: &Operations) -> &mut Self {
        self.operations = Some(operations.clone());
        self
    }

    /// Refuses what was registered twice: one of the two would silently do nothing.
    ///
    /// # Errors
    /// `Config` with everything that has the name of something else.
    pub fn check(&self) -> Result<()> {
        if self.duplicates.is_empty() {
            return Ok(());
        }
        Err(Error::config("registered_twice", format!("{}: rename one of each", self.duplicates.join("; "))))
    }

    /// Who subscribed to what.
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// What jobs work with.
    pub(crate) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// What jobs can call.
    pub(crate) fn operations(&self) -> Option<&Operations> {
        self.operations.as_ref()
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
                .map(|(provider, handler)| ((*provider).to_owned(), handler.together.version()))
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
        self.events.get(provider).map(|provider| &provider.together)
    }

    pub(super) fn named(&self, job: &str) -> Option<&Erased> {
        self.jobs.get(job)
    }

    fn add(&mut self, kind: String, job: Erased, what: &str) {
        if self.jobs.contains_key(&kind) {
            self.duplicates.push(format!("two {what} are called {kind}"));
        }
        self.jobs.insert(kind, job);
    }
}
