//! The callers, and what they have.

use std::collections::BTreeMap;

use serde_json::Value;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Somebody {
    /// The name in failure reports.
    pub(crate) name: String,
    /// A token or a key; none for an anonymous caller.
    pub(crate) shows: Option<String>,
    /// The organization that the caller asks for.
    pub(crate) wants: Option<String>,
    /// Texts about the caller, which answers to them may contain.
    pub(crate) says: Vec<String>,
}

impl Somebody {
    pub(crate) fn anonymous() -> Self {
        Self { name: "somebody anonymous".to_owned(), shows: None, wants: None, says: Vec::new() }
    }

    /// Returns the same caller, who asks for this organization.
    pub(crate) fn wanting(&self, organization: &str) -> Self {
        let name = format!("{} who wants {organization}", self.name);
        Self { name, wants: Some(organization.to_owned()), ..self.clone() }
    }
}

/// An organization, with what a test needs to know of it.
#[derive(Clone)]
pub(crate) struct Org {
    /// The mark in its texts.
    pub(crate) mark: &'static str,
    pub(crate) id: String,
    /// Its people, by name.
    pub(crate) people: BTreeMap<&'static str, Somebody>,
    /// Valid API keys, by role, and `scoped`, which has a scope for customers only.
    pub(crate) keys: BTreeMap<&'static str, Somebody>,
    /// The ids of current and former owners.
    pub(crate) owners: Vec<String>,
    /// People and keys that are no longer valid.
    pub(crate) dead: Vec<Somebody>,
    /// The ids of its documents, by prefix.
    pub(crate) ids: BTreeMap<String, Vec<String>>,
}

/// Names and roles of the members. A second one of a role can do what the last one of it cannot.
pub(crate) const PEOPLE: [(&str, &str); 9] = [
    ("owner", "owner"),
    ("owner2", "owner"),
    ("admin", "admin"),
    ("actor", "admin"),
    ("staff", "staff"),
    ("staff2", "staff"),
    ("viewer", "viewer"),
    ("client", "client"),
    ("client2", "client"),
];

impl Org {
    /// Returns its external id.
    pub(crate) fn slug(&self) -> String {
        format!("{}-corp", self.mark)
    }

    pub(crate) fn person(&self, name: &str) -> &Somebody {
        self.people.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.mark))
    }

    pub(crate) fn key(&self, name: &str) -> &Somebody {
        self.keys.get(name).unwrap_or_else(|| panic!("{} has no key {name}", self.mark))
    }

    /// Returns members and keys with their roles.
    pub(crate) fn callers(&self) -> Vec<(&Somebody, &'static str)> {
        let people = PEOPLE.iter().filter(|(name, _)| *name != "actor").map(|(name, role)| (self.person(name), *role));
        let keys = ["owner", "admin", "staff", "viewer"].map(|role| (self.key(role), role));
        people.chain(keys).collect()
    }

    /// Records the id of a document.
    pub(crate) fn note(&mut self, id: &Value) -> String {
        let id = id.as_str().expect("an id is a text").to_owned();
        let kind = id.split('_').next().unwrap_or_default().to_owned();
        let known = self.ids.entry(kind).or_default();
        if !known.contains(&id) {
            known.push(id.clone());
        }
        id
    }
}
