//! Who there is, and what they have.

use std::collections::BTreeMap;

use serde_json::Value;

/// Somebody who calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Somebody {
    /// For those who read what went wrong.
    pub(crate) name: String,
    /// A token or a key; nothing for who shows nothing.
    pub(crate) shows: Option<String>,
    /// The organization that they say they want to act in.
    pub(crate) wants: Option<String>,
    /// What they say of themselves, and so may hear.
    pub(crate) says: Vec<String>,
}

impl Somebody {
    pub(crate) fn anonymous() -> Self {
        Self { name: "somebody anonymous".to_owned(), shows: None, wants: None, says: Vec::new() }
    }

    /// The same, who wants to act there.
    pub(crate) fn wanting(&self, organization: &str) -> Self {
        let name = format!("{} who wants {organization}", self.name);
        Self { name, wants: Some(organization.to_owned()), ..self.clone() }
    }
}

/// An organization, and what a test has to know of it.
#[derive(Clone)]
pub(crate) struct Org {
    /// What its texts are marked with.
    pub(crate) mark: &'static str,
    pub(crate) id: String,
    /// What its people are called at their issuer, and here.
    pub(crate) people: BTreeMap<&'static str, Somebody>,
    /// API keys that are good, by their role, and `scoped`, which is for customers alone.
    pub(crate) keys: BTreeMap<&'static str, Somebody>,
    /// The ids of those who are owners, or were.
    pub(crate) owners: Vec<String>,
    /// People and keys that are worth nothing any more.
    pub(crate) dead: Vec<Somebody>,
    /// The ids of its documents, by their first three letters.
    pub(crate) ids: BTreeMap<String, Vec<String>>,
}

/// What people are in their organization. A second one of a role can do what the last one of it cannot.
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
    /// What another system calls it.
    pub(crate) fn slug(&self) -> String {
        format!("{}-corp", self.mark)
    }

    pub(crate) fn person(&self, name: &str) -> &Somebody {
        self.people.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.mark))
    }

    pub(crate) fn key(&self, name: &str) -> &Somebody {
        self.keys.get(name).unwrap_or_else(|| panic!("{} has no key {name}", self.mark))
    }

    /// Members with their roles, and keys with theirs.
    pub(crate) fn callers(&self) -> Vec<(&Somebody, &'static str)> {
        let people = PEOPLE.iter().filter(|(name, _)| *name != "actor").map(|(name, role)| (self.person(name), *role));
        let keys = ["owner", "admin", "staff", "viewer"].map(|role| (self.key(role), role));
        people.chain(keys).collect()
    }

    /// Notes the id of a document.
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
