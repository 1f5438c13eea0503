//! A subscription: a query with its arguments and an audience. It is run once, and its answer is written once, however many
//! views watch it.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use kernel::Error;
use serde_json::Value;
use tokio::sync::Notify;

use super::Shown;
use crate::operation::{Answer, Catalog, QueryRequest, canonical};

/// What makes two subscriptions the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) request: Request,
    /// Whose answers are the same: see [`super::audience`].
    pub(super) audience: Arc<str>,
}

/// A query as it is kept: the arguments as text, which takes a fraction of what parsed JSON takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) operation: Arc<str>,
    arguments: Arc<str>,
    pub(super) journal: Option<String>,
}

impl Request {
    pub(super) fn new(catalog: &Catalog, request: QueryRequest) -> Self {
        let operation = catalog.find(&request.operation).map_or(&*request.operation, |found| found.description.name);
        // Clients may send an array with one object instead of the object.
        let arguments = match request.arguments.as_array().map(Vec::as_slice) {
            Some([one]) => canonical(one),
            Some(_) | None => canonical(&request.arguments),
        };
        Self { operation: operation.into(), arguments: arguments.into(), journal: request.journal }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.operation.len() + self.arguments.len() + self.journal.as_ref().map_or(0, String::len)
    }

    /// As it is run.
    pub(super) fn to_query(&self) -> QueryRequest {
        QueryRequest {
            operation: self.operation.to_string(),
            // It was written from a value, so it is one.
            arguments: serde_json::from_str(&self.arguments).unwrap_or_default(),
            journal: self.journal.clone(),
        }
    }
}

/// A subscription with its last answer and those who watch it. How fresh that is, its tenant's state knows.
pub(super) struct Subscription {
    /// With the journal that the next run has to bring back.
    pub(super) request: Request,
    pub(super) audience: Arc<str>,
    /// Under which keys it is found.
    pub(super) keys: Vec<Arc<Key>>,
    pub(super) shown: Option<Arc<Shown>>,
    /// By view, with how many of its queries are this.
    pub(super) watchers: HashMap<u64, (Arc<Notify>, usize)>,
    /// How long its last run took.
    pub(super) cost: Option<Duration>,
    /// How often in a row it took too long.
    pub(super) strikes: u32,
    /// Whether its last run broke the transaction that it ran in.
    pub(super) is_fragile: bool,
}

impl Subscription {
    pub(super) fn new(key: Arc<Key>) -> Self {
        Self {
            request: key.request.clone(),
            audience: key.audience.clone(),
            keys: vec![key],
            shown: None,
            watchers: HashMap::new(),
            cost: None,
            strikes: 0,
            is_fragile: false,
        }
    }

    /// The key under which somebody finds it who comes with the journal of its answer.
    pub(super) fn resumed(&self) -> Option<Key> {
        let key = self.keys.first()?;
        let journal = Some(self.request.journal.clone()?);
        Some(Key { request: Request { journal, ..key.request.clone() }, audience: key.audience.clone() })
    }

    /// Takes away the key without a journal, when it is a page of a list that others began to watch earlier: whoever begins
    /// now is to see a page of the size that they ask for.
    pub(super) fn begun(&mut self) -> Option<Arc<Key>> {
        self.request.journal.as_ref()?;
        let first = self.keys.iter().position(|key| key.request.journal.is_none())?;
        Some(self.keys.remove(first))
    }
}

/// An answer as it is shown. `journal` is the one before: a page that fails keeps its place.
pub(super) fn shown(answer: &mut Answer, journal: Option<String>) -> Shown {
    let outcome = std::mem::replace(&mut answer.outcome, Ok(Value::Null));
    let outcome = outcome.map(|value| value.to_string().into()).map_err(Arc::new);
    Shown { outcome, journal: answer.journal.take().or(journal), is_fit: OnceLock::new() }
}

impl Shown {
    /// An error instead of an answer.
    pub(super) fn error(error: Error, journal: Option<String>) -> Self {
        Self { outcome: Err(Arc::new(error)), journal, is_fit: OnceLock::new() }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let outcome = match &self.outcome {
            Ok(answer) => answer.len(),
            Err(error) => error.message.len(),
        };
        outcome + self.journal.as_ref().map_or(0, String::len)
    }

    /// Whether a client would see no difference.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = match (&self.outcome, &other.outcome) {
            (Ok(one), Ok(other)) => one == other,
            (Err(one), Err(other)) => is_same_error(one, other),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        same && self.journal == other.journal
    }
}

fn is_same_error(one: &Error, other: &Error) -> bool {
    (one.code, one.tag, &one.message) == (other.code, other.tag, &other.message)
        && one.facts() == other.facts()
        && one.data() == other.data()
}
