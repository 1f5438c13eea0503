//! The calls of every operation, generated from the schema of its arguments and the documents of the test data.
//!
//! No operation is known in advance. Candidates for arguments are tried until a call succeeds for a member of the
//! organization, so that every call in a test is one that would be answered if the caller had the right to it.

use std::collections::BTreeSet;

use engine::{Description, Kind};
use serde_json::{Map, Value, json};

use crate::world::{Hands, Org, World};

/// An operation, and the calls that succeed in one organization.
pub(crate) struct Callable {
    pub(crate) description: Description,
    /// The name of the first member for whom a call succeeded.
    pub(crate) by: &'static str,
    /// Calls that succeed, each with other documents or other choices.
    pub(crate) calls: Vec<Call>,
    /// Calls that are refused although the caller has the right to them, with documents or choices for which no call
    /// succeeds.
    pub(crate) refused: Vec<Call>,
}

/// A call that succeeds.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) arguments: Value,
    /// The arguments that are ids of documents.
    pub(crate) ids: Vec<String>,
}

impl Callable {
    /// Returns calls that name documents in different arguments.
    pub(crate) fn shapes(&self) -> Vec<&Call> {
        let mut seen = BTreeSet::new();
        self.calls.iter().filter(|call| seen.insert(&call.ids)).collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.description.name
    }

    pub(crate) fn reads(&self) -> bool {
        self.description.kind == Kind::Query
    }
}

impl Call {
    /// Returns the same call, with a document of another organization as `argument`.
    pub(crate) fn about(&self, argument: &str, own: &Org, other: &Org) -> Self {
        let mut call = self.clone();
        if let Some(id) = call.arguments.get_mut(argument) {
            *id = json!(counterpart(id.as_str().unwrap_or_default(), own, other));
        }
        call
    }

    /// Returns the same call, with documents of another organization in all arguments.
    pub(crate) fn about_all(&self, own: &Org, other: &Org) -> Self {
        self.ids.iter().fold(self.clone(), |call, argument| call.about(argument, own, other))
    }

    /// Returns the same call, with texts that no document contains.
    pub(crate) fn unmarked(&self, own: &Org) -> Self {
        let text = self.arguments.to_string().replace(own.mark, "plain");
        Self { arguments: serde_json::from_str(&text).expect("it stays JSON"), ..self.clone() }
    }

    pub(crate) fn names(&self, id: &str) -> bool {
        self.ids.iter().any(|argument| self.arguments[argument] == id)
    }
}

/// Returns the document of the other organization that was created in the same way as `id` in its own.
fn counterpart(id: &str, own: &Org, other: &Org) -> String {
    let kind = id.split('_').next().unwrap_or_default();
    let at = own.ids[kind].iter().position(|known| known == id).expect("an id of the organization");
    other.ids[kind][at].clone()
}

/// Returns the calls of all operations in `own` for this state of the database. Fails where none can be found.
pub(crate) async fn all(world: &mut World, own: &Org, other: &Org, state: &'static str) -> Vec<Callable> {
    world.hands.put_back(state).await;
    let descriptions: Vec<_> =
        world.operations.catalog().all().map(|operation| operation.description.clone()).collect();
    let mut found = Vec::with_capacity(descriptions.len());
    let chosen = only();
    for description in descriptions.into_iter().filter(|description| description.name.starts_with(&chosen)) {
        found.push(callable(world, description, (own, other), state).await);
    }
    world.hands.put_back(Hands::WHOLE).await;
    found
}

/// Returns the prefix of the operations to test; all when `ISOLATION_ONLY` is not set.
#[expect(clippy::disallowed_methods, reason = "how somebody who looks for one fault tells a test so")]
fn only() -> String {
    std::env::var("ISOLATION_ONLY").unwrap_or_default()
}

async fn callable(
    world: &mut World,
    description: Description,
    (own, other): (&Org, &Org),
    state: &'static str,
) -> Callable {
    let candidates = Making { world, description: &description, own, other }.candidates();
    let mut refusals = BTreeSet::new();
    for by in RIGHTFUL {
        let who = world.called(own, by).clone();
        let (mut calls, mut covered, mut refused) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (call, choices) in &candidates {
            // Every document and every choice is used once where possible, not every combination of them.
            if !calls.is_empty() && choices.is_subset(&covered) {
                continue;
            }
            let answer = world.ask(&who, description.name, &call.arguments).await;
            match answer
                .or_else(|error| if is_as_good(description.name, error.tag) { Ok(json!(null)) } else { Err(error) })
            {
                Ok(_) => {
                    covered.extend(choices.iter().cloned());
                    calls.push(call.clone());
                    if description.kind != Kind::Query {
                        world.hands.put_back(state).await;
                    }
                }
                Err(error) => {
                    refusals.insert(format!("{} hears {error:?}", who.name));
                    refused.push((call, choices));
                }
            }
        }
        if !calls.is_empty() {
            let mut is_new = |choices: &BTreeSet<String>| {
                let is_new = !choices.is_subset(&covered);
                covered.extend(choices.iter().cloned());
                is_new
            };
            let refused = refused.into_iter().filter(|(_, choices)| is_new(choices));
            return Callable { description, by, calls, refused: refused.map(|(call, _)| call.clone()).collect() };
        }
    }
    panic!(
        "nobody of {} can call {}: let tests/isolation/arguments.rs make the arguments that it takes, or \
         tests/isolation/world/building.rs the documents that it is about. {refusals:#?}",
        own.mark, description.name
    )
}

/// Operations that cannot succeed with these test data, with the error that a caller with the right to them receives.
const AS_GOOD_AS_DONE: [(&str, &str); 1] = [
    // An import is running, which others resume and cancel.
    ("customers:import", "import_running"),
];

/// Returns whether only callers with the right to an operation receive this error.
pub(crate) fn is_as_good(operation: &str, tag: &str) -> bool {
    AS_GOOD_AS_DONE.contains(&(operation, tag))
}

/// The callers who may have a right, from the owner to a person who was only invited.
const RIGHTFUL: [&str; 7] = ["owner", "admin", "staff", "viewer", "client", "late", "nobody"];

struct Making<'w> {
    world: &'w World,
    description: &'w Description,
    own: &'w Org,
    other: &'w Org,
}

/// A value that an argument can have.
#[derive(Clone)]
struct Choice {
    /// None leaves the argument out.
    value: Option<Value>,
    /// The name of the choice, when another value would make another call.
    choice: String,
    /// Whether the choice is a document.
    document: bool,
}

impl Making<'_> {
    /// Returns calls that may succeed, each with its choices.
    fn candidates(&self) -> Vec<(Call, BTreeSet<String>)> {
        let schema = &self.description.arguments;
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut all = vec![Vec::new()];
        for (name, schema) in properties {
            let choices = self.choices(name, schema, required.contains(&name.as_str()));
            let longer = |chosen: &Vec<(String, Choice)>| {
                let extended =
                    choices.iter().map(|choice| [chosen.clone(), vec![(name.clone(), choice.clone())]].concat());
                extended.collect::<Vec<_>>()
            };
            all = all.iter().flat_map(longer).collect();
            assert!(all.len() < 20_000, "{} has more arguments than can be tried", self.description.name);
        }
        all.into_iter().map(|chosen| call(&chosen)).collect()
    }

    fn choices(&self, name: &str, schema: &Value, required: bool) -> Vec<Choice> {
        let mut choices = self.values(name, schema);
        assert!(
            !choices.is_empty(),
            "{} takes {name}, of a kind that tests/isolation/arguments.rs cannot make: {schema}",
            self.description.name
        );
        if !required {
            for choice in choices.iter_mut().filter(|choice| choice.choice.is_empty()) {
                choice.choice = "something".to_owned();
            }
            choices.insert(0, Choice { value: None, choice: "nothing".to_owned(), document: false });
        }
        choices
    }

    fn values(&self, name: &str, schema: &Value) -> Vec<Choice> {
        let plain = |value: Value| Choice { value: Some(value), choice: String::new(), document: false };
        let chosen = |value: Value| Choice { choice: value.to_string(), ..plain(value) };
        if name == "paginationOpts" {
            return vec![plain(json!({ "numItems": 1000 })), chosen(json!({ "numItems": 1 }))];
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name_of = reference.rsplit('/').next().unwrap_or_default();
            return self.values(name, &self.world.operations.catalog().definitions()[name_of]);
        }
        if let Some(variants) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            return variants.iter().flat_map(|variant| self.values(name, variant)).collect();
        }
        if let Some(constant) = schema.get("const") {
            return vec![chosen(constant.clone())];
        }
        if let Some(variants) = schema["enum"].as_array() {
            return variants.iter().filter(|value| !value.is_null()).cloned().map(chosen).collect();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str()).unwrap_or_default();
        match kind {
            "string" => self.texts(name, schema),
            "integer" | "number" => {
                let soon = (self.world.chance().now() + testkit::days(1)).ms();
                vec![plain(json!(1)), plain(json!(soon))]
            }
            "boolean" => vec![chosen(json!(true)), chosen(json!(false))],
            "array" => vec![plain(json!([]))],
            _ => Vec::new(),
        }
    }

    fn texts(&self, name: &str, schema: &Value) -> Vec<Choice> {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let kind = pattern.strip_prefix('^').and_then(|rest| rest.split_once('_')).map_or("", |(kind, _)| kind);
        if kind.len() == 3 {
            return self.documents(name, kind);
        }
        assert!(
            !name.ends_with("Id"),
            "{} takes {name}, which names a document and is any text: let it be a kernel::Id",
            self.description.name
        );
        let plain = |text: String| Choice { value: Some(json!(text)), choice: String::new(), document: false };
        if schema["format"] == "email" {
            // The people whom the other organization knows or has invited must stay unknown here.
            let of_other = ["viewer", "late"].map(|name| format!("{name}@{}.example", self.other.mark));
            let all = of_other.into_iter().chain([format!("new@{}.example", self.own.mark)]);
            return all.map(|text| Choice { choice: text.clone(), ..plain(text) }).collect();
        }
        let mark = self.own.mark;
        let file = format!("name\n{mark} imported\n");
        [format!("{mark} new"), "UTC".to_owned(), "en".to_owned(), file].into_iter().map(plain).collect()
    }

    fn documents(&self, name: &str, kind: &str) -> Vec<Choice> {
        let Some(ids) = self.own.ids.get(kind) else {
            panic!(
                "{} takes {name}, and the world has no document whose id begins with {kind}_: make one in \
                 tests/isolation/world/building.rs and note its id",
                self.description.name
            )
        };
        let choice = |id: &String| Choice { value: Some(json!(id)), choice: id.clone(), document: true };
        ids.iter().map(choice).collect()
    }
}

fn call(chosen: &[(String, Choice)]) -> (Call, BTreeSet<String>) {
    let mut arguments = Map::new();
    let (mut ids, mut choices) = (Vec::new(), BTreeSet::new());
    for (name, chosen) in chosen {
        arguments.extend(chosen.value.clone().map(|value| (name.clone(), value)));
        if chosen.choice.is_empty() {
            continue;
        }
        choices.insert(format!("{name}={}", chosen.choice));
        if chosen.document {
            ids.push(name.clone());
        }
    }
    (Call { arguments: Value::Object(arguments), ids }, choices)
}
