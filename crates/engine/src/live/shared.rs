//! A question that several ask: asked once, written once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use kernel::Error;
use serde_json::Value;
use store::Table;
use tokio::sync::Notify;

use super::{Shown, party::canonical};
use crate::operation::{Answer, Asked, Catalog};

/// What makes two questions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    operation: String,
    arguments: String,
    journal: Option<String>,
    /// Who sees the same.
    party: Arc<str>,
}

impl Question {
    pub(super) fn new(catalog: &Catalog, asked: &Asked, party: Arc<str>) -> Self {
        let operation = catalog.find(&asked.operation).map_or(asked.operation.as_str(), |found| found.description.name);
        // Clients may send an array with one object instead of the object.
        let arguments = match asked.arguments.as_array().map(Vec::as_slice) {
            Some([one]) => canonical(one),
            Some(_) | None => canonical(&asked.arguments),
        };
        Self { operation: operation.to_owned(), arguments, journal: asked.journal.clone(), party }
    }
}

/// A question with its last answer and those who watch it.
pub(super) struct Shared {
    /// With what its next run has to bring back.
    pub(super) asked: Asked,
    pub(super) party: Arc<str>,
    /// Under which questions it is found.
    pub(super) names: Vec<Arc<Question>>,
    pub(super) shown: Option<Arc<Shown>>,
    pub(super) reads: BTreeSet<Table>,
    /// By view, with how many of its queries ask this.
    pub(super) watchers: HashMap<u64, (Arc<Notify>, usize)>,
    /// Whether it has to be asked again.
    pub(super) is_dirty: bool,
    /// Whether its last run broke the transaction that it ran in.
    pub(super) is_fragile: bool,
}

impl Shared {
    pub(super) fn new(asked: Asked, question: Arc<Question>) -> Self {
        Self {
            asked,
            party: question.party.clone(),
            names: vec![question],
            shown: None,
            reads: BTreeSet::new(),
            watchers: HashMap::new(),
            is_dirty: true,
            is_fragile: false,
        }
    }

    /// The question under which somebody finds it who comes with the journal of its answer.
    pub(super) fn resumed(&self) -> Option<Question> {
        let name = self.names.first()?;
        Some(Question { journal: Some(self.asked.journal.clone()?), ..(**name).clone() })
    }

    /// Takes its first name for a beginner away, when it is the part of a list that others began to look at earlier: who
    /// begins now is to see a part of the size that they ask for.
    pub(super) fn begun(&mut self) -> Option<Arc<Question>> {
        self.asked.journal.as_ref()?;
        let first = self.names.iter().position(|name| name.journal.is_none())?;
        Some(self.names.remove(first))
    }
}

/// An answer as it is shown. `journal` is the one before: a page that fails keeps its place.
pub(super) fn shown(answer: &mut Answer, journal: Option<String>) -> Shown {
    let outcome = std::mem::replace(&mut answer.outcome, Ok(Value::Null));
    let outcome = outcome.map(|value| value.to_string().into()).map_err(Arc::new);
    Shown { outcome, journal: answer.journal.take().or(journal), is_fit: OnceLock::new() }
}

impl Shown {
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
