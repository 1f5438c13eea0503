//! Domain events: what happened in one feature, told to every feature that subscribed.
//!
//! An event is written in the transaction in which it happened: one job for each subscriber, and no row at all where there is
//! none. Each job runs, fails and is tried again by itself.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use kernel::{Error, Id, OrgId, Prefix, Result, Time};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::Tx;

use crate::{
    JobCtx, World,
    queue::{Erased, NewJob, TIMEOUT, enqueue, erased},
};

/// Something that happened: the struct is what subscribers are told.
pub trait DomainEvent: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name, in the past tense: `customer.created`. Never change it: events outlive releases.
    const NAME: &'static str;
    /// The version of the payload. Raise it with every change that old payloads do not fit, and write
    /// [`DomainEvent::upgrade`].
    const VERSION: i64 = 1;

    /// What it happened to, such as the id of a customer. Each subscriber hears what happened to the same subject in the
    /// order in which it happened. Without a subject there is no order.
    fn subject(&self) -> Option<String> {
        None
    }

    /// Brings the payload of an older version up to date.
    ///
    /// # Errors
    /// `Unsupported` where no older version is known (the default).
    fn upgrade(version: i64, _payload: Value) -> Result<Value> {
        Err(Error::unsupported(&format!("version {version} of the event {}", Self::NAME)))
    }
}

/// A feature that wants to hear of an event.
#[async_trait]
pub trait Subscriber<E: DomainEvent>: Send + Sync + 'static {
    /// Reacts to it, as a job of the event's organization: at least once.
    ///
    /// # Errors
    /// As [`crate::Job::run`]. Other subscribers do not notice.
    async fn handle(&self, ctx: &JobCtx, event: Emitted<E>) -> Result<()>;
}

/// An event as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitted<E> {
    /// Its id: the same for every subscriber and in every attempt.
    pub id: EmittedId,
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub event: E,
}

/// `dev_…`: the id of a domain event.
pub type EmittedId = Id<EmittedKind>;

/// Marks the id of a domain event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmittedKind;

impl Prefix for EmittedKind {
    const LETTERS: &'static str = "dev";
    const TABLE: &'static str = "domainEvents";
}

/// Who subscribed to what: the kinds of jobs by the names of events. Cheap to clone.
#[derive(Clone, Default)]
pub struct Subscriptions(Arc<BTreeMap<&'static str, Vec<String>>>);

impl Subscriptions {
    /// Adds a subscriber; returns the kind of its jobs.
    pub(crate) fn add(&mut self, event: &'static str, subscriber: &str) -> String {
        let kind = format!("{event}>{subscriber}");
        Arc::make_mut(&mut self.0).entry(event).or_default().push(kind.clone());
        kind
    }
}

/// Writes domain events in somebody's transaction. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    world: World,
    subscriptions: Subscriptions,
}

impl Publisher {
    /// Tells these subscribers.
    pub fn new(world: &World, subscriptions: &Subscriptions) -> Self {
        Self { world: world.clone(), subscriptions: subscriptions.clone() }
    }

    /// Tells every subscriber of the transaction's organization, when the transaction commits. Without a subscriber, nothing
    /// is written.
    ///
    /// # Errors
    /// What the database says; `Internal` when the event cannot be written as JSON.
    pub async fn emit<E: DomainEvent>(&self, tx: &mut Tx, event: &E) -> Result<()> {
        let Some(kinds) = self.subscriptions.0.get(E::NAME) else { return Ok(()) };
        let (id, at) = (self.world.new_id::<EmittedKind>(), self.world.now());
        let payload = serde_json::to_string(&Emitted { id, at, event })
            .map_err(|error| Error::internal("event_payload", "a domain event cannot be written").source(error))?;
        for kind in kinds {
            let mut job = NewJob::of_kind(kind.clone(), E::VERSION, payload.clone());
            if let Some(subject) = event.subject() {
                let organization = tx.scope().organization().map_or("", OrgId::as_str);
                job = job.lane(format!("{kind}:{organization}:{subject}"));
            }
            enqueue(tx, &self.world, job).await?;
        }
        Ok(())
    }
}

/// The jobs by which a subscriber hears of an event.
pub(crate) fn subscriber_job<E: DomainEvent, S: Subscriber<E>>(subscriber: Arc<S>) -> Erased {
    erased(E::VERSION, TIMEOUT, move |version, payload, ctx| {
        let subscriber = subscriber.clone();
        Box::pin(async move {
            let unreadable = |error: serde_json::Error| {
                Error::bad_request("event_payload", format!("the payload is not one of {}: {error}", E::NAME))
            };
            let mut payload: Value = serde_json::from_str(&payload).map_err(unreadable)?;
            if version != E::VERSION {
                let event = payload["event"].take();
                payload["event"] = E::upgrade(version, event)?;
            }
            subscriber.handle(&ctx, serde_json::from_value(payload).map_err(unreadable)?).await
        })
    })
}
