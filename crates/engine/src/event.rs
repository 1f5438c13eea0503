//! What a feature does when a vendor's event comes.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Error, Id, OrgId, Prefix, Result, Time};
use store::{Engine, FromRow, Row, Tx, Value};

use crate::{
    DomainEvent, NewJob, Publisher, Route, World, add_route,
    queue::{EventId, JobId, JobKey, Seq, cancel, enqueue, reschedule},
};

/// An event as a handler sees it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number.
    pub seq: Seq,
    /// The vendor's name in the registry.
    pub provider: String,
    /// The connection that the webhook's path named; empty when it named none.
    pub connection: String,
    /// The vendor's id of it.
    pub external_id: String,
    /// The vendor's own name of what happened.
    pub kind: String,
    /// Whose account it concerns, as the vendor names it.
    pub account: Option<String>,
    /// When it happened, by the vendor's clock.
    pub occurred_at: Option<Time>,
    /// When it arrived.
    pub received_at: Time,
    /// The event itself.
    pub payload: Bytes,
}

/// Whose event it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// The organization to which the first of these keys leads that has a route. When none has, the event waits.
    Keys(Vec<String>),
    /// It concerns the installation, such as a product that is on sale.
    System,
    /// Nobody here handles this kind.
    Ignore,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is in the state now.
    Done,
    /// It says nothing that is kept.
    Ignored,
}

/// A feature's side of the events of one provider.
///
/// An event may come late, twice, and in the wrong order, and may be replayed by hand: applying it again changes nothing.
#[async_trait]
pub trait EventHandler: Send + Sync + 'static {
    /// Raise it with every release that handles events of this provider that releases before it ignore. While nodes of
    /// different releases work, only those with the newest version handle the provider's events.
    fn version(&self) -> i64 {
        1
    }

    /// The name of the feature, in the queue: with several handlers for one provider, each has jobs of its own, which are
    /// called by it. Never change it.
    fn name(&self) -> &'static str;

    /// Whose event it is, from its content alone.
    ///
    /// # Errors
    /// `BadRequest` when the payload is not what the vendor sends: the event is given up with this error.
    fn routing(&self, event: &Event) -> Result<Routing>;

    /// Writes what it means, in one transaction with the end of the event. Runs again when another change was in the way.
    ///
    /// # Errors
    /// An error that may heal is tried again; any other gives the event up.
    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied>;

    /// Writes what several events of one organization mean, in their order, in one transaction with their ends. Override it
    /// where statements on many rows at once are worth it. When it fails, each event is applied by itself.
    ///
    /// # Errors
    /// As [`EventHandler::apply`].
    async fn apply_all(&self, ctx: &mut EventCtx<'_>, events: &[Event]) -> Result<Vec<Applied>> {
        let mut all = Vec::with_capacity(events.len());
        for event in events {
            all.push(self.apply(ctx, event).await?);
        }
        Ok(all)
    }

    /// How long [`EventHandler::apply`] may take. An event that takes longer is undone and tried again as after any other
    /// failure. On SQLite, whose one writer it holds, the time limit of a transaction comes first.
    fn timeout(&self) -> Duration {
        Duration::from_secs(300)
    }
}

/// What a handler has at hand: a transaction that is bound to the organization of the event.
pub struct EventCtx<'t> {
    /// The transaction.
    pub tx: &'t mut Tx,
    world: &'t World,
    publisher: &'t Publisher,
    route: Option<&'t Route>,
}

impl<'t> EventCtx<'t> {
    /// A context for `route`, in `tx`.
    pub(crate) fn new(tx: &'t mut Tx, world: &'t World, publisher: &'t Publisher, route: Option<&'t Route>) -> Self {
        Self { tx, world, publisher, route }
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// A new id.
    pub fn new_id<P: Prefix>(&self) -> Id<P> {
        self.world.new_id()
    }

    /// The organization.
    ///
    /// # Errors
    /// `Internal` for an event of the installation, which has none.
    pub fn organization(&self) -> Result<&OrgId> {
        let route = self.route.ok_or_else(|| Error::internal("no_organization", "this event belongs to nobody"))?;
        Ok(&route.organization)
    }

    /// The connection that the route named, if it did.
    pub fn connection(&self) -> Option<&str> {
        self.route?.connection.as_deref()
    }

    /// Makes another key lead to this organization, and lets the events go on that waited for it, in batches.
    /// False when it leads to another organization already.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_route(&mut self, key: impl Into<String> + Send) -> Result<bool> {
        let organization = self.organization()?.clone();
        add_route(self.tx, self.world, &Route { key: key.into(), organization, connection: None }).await
    }

    /// Puts a job of the event's organization into the queue, in the same transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn enqueue(&mut self, job: NewJob) -> Result<Option<JobId>> {
        enqueue(self.tx, self.world, job).await
    }

    /// Lets a job of the event's organization run at another moment, in the same transaction: see [`crate::reschedule`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn reschedule(&mut self, key: &JobKey, at: Time) -> Result<bool> {
        reschedule(self.tx, self.world, key, at).await
    }

    /// Cancels a job of the event's organization, in the same transaction: see [`crate::cancel`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn cancel(&mut self, key: &JobKey) -> Result<bool> {
        cancel(self.tx, self.world, key).await
    }

    /// Tells every feature that subscribed to it that something happened, in the same transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn emit<E: DomainEvent>(&mut self, event: E) -> Result<()> {
        self.publisher.emit(self.tx, &event).await
    }
}

impl Event {
    /// Its public id.
    pub fn id(&self) -> EventId {
        EventId::new(self.seq)
    }

    /// The key of the connection that the webhook's path named, where it named one: the last resort, because what the
    /// signed payload says comes first.
    pub(crate) fn connection_key(&self) -> Option<String> {
        (!self.connection.is_empty()).then(|| format!("connection:{}", self.connection))
    }

    /// The payload, read as a `T`.
    ///
    /// # Errors
    /// `BadRequest` when it is not one: the event is given up with this error.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.payload).map_err(|error| {
            Error::bad_request("event_unreadable", format!("the {} event is malformed: {error}", self.kind))
        })
    }
}

/// Events by number; none for one whose body retention has dropped.
pub(crate) type Loaded = HashMap<Seq, Option<Event>>;

/// Reads the events with these numbers. The payload is empty where the provider is none of `handled`: nobody looks at it.
pub(crate) async fn load(tx: &mut Tx, seqs: &[Seq], handled: Vec<String>) -> Result<Loaded> {
    let (seqs, handled, is_one, is_handled): (Value, Value, _, _) = match tx.engine() {
        Engine::Sqlite => (
            serde_json::json!(seqs).to_string().into(),
            serde_json::json!(handled).to_string().into(),
            "in (select value from json_each($1))",
            "in (select value from json_each($2))",
        ),
        Engine::Postgres => (seqs.to_vec().into(), handled.into(), "= any($1)", "= any($2)"),
    };
    let query = tx.system_built(format!(
        "select seq, provider, connection, external_id, kind, account, occurred_ms, received_ms,
             case when body is null then 1 else 0 end as dropped, case when provider {is_handled} then body end as body
         from inbox_events where seq {is_one}"
    ));
    let mut loaded = HashMap::new();
    for row in query.bind(seqs).bind(handled).rows().await? {
        let event = if row.bool("dropped")? { None } else { Some(Event::from_row(&row)?) };
        loaded.insert(row.int("seq")?, event);
    }
    Ok(loaded)
}

/// Why an event cannot be handled again.
pub(crate) fn dropped() -> Error {
    Error::conflict(
        "event_body_dropped",
        "the event is older than the retention: its body is gone and cannot be handled",
    )
}

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.int("seq")?,
            provider: row.text("provider")?,
            connection: row.text("connection")?,
            external_id: row.text("external_id")?,
            kind: row.text("kind")?,
            account: row.opt_text("account")?,
            occurred_at: row.opt_time("occurred_ms")?,
            received_at: row.time("received_ms")?,
            payload: row.opt_blob("body")?.unwrap_or_default().into(),
        })
    }
}
