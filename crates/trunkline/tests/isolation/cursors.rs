//! Cursors are valid only for the organization, the query and the arguments that they were issued for.

use serde_json::{Value, json};

use crate::{
    arguments::Callable,
    findings::Findings,
    surfaces::{Answer, Clients, Socket, Surface},
    world::{Somebody, World},
};

const PAGE: &str = "paginationOpts";

/// A query that answers in pages.
struct Paged<'a> {
    callable: &'a Callable,
    arguments: Value,
    /// The cursor of its second page.
    cursor: String,
    journal: String,
}

pub(crate) async fn mean_nothing_elsewhere(
    world: &World,
    clients: &mut Clients,
    all: &[Callable],
    findings: &mut Findings,
) {
    let paged = paged(world, clients, all).await;
    let (owner, foreigner) = (world.alpha.person("owner"), world.bravo.person("owner"));
    let key = world.bravo.key("owner");
    for (at, one) in paged.iter().enumerate() {
        let other = &paged[(at + 1) % paged.len()];
        let name = one.callable.name();
        for field in ["cursor", "endCursor"] {
            for surface in Surface::of(one.callable.description.kind) {
                let mut at_place = async |who: &Somebody, asked: &Paged<'_>| {
                    let mut arguments = of(world, who, asked);
                    arguments[PAGE][field] = json!(one.cursor);
                    clients.call(*surface, who, &asked.callable.description, &arguments).await
                };
                let own = at_place(owner, one).await;
                findings.check(own.outcome.is_ok(), || format!("{name} does not take its own {field}: {}", own.text));
                let others = [(foreigner, one), (key, one), (owner, other)];
                for (who, asked) in
                    others.into_iter().filter(|(who, asked)| *who != owner || asked.callable.name() != name)
                {
                    let answer = at_place(who, asked).await;
                    refused(findings, &answer, || {
                        format!("{} gave {field} of alpha's {name} to {}", who.name, asked.callable.name())
                    });
                }
            }
        }
        let mut socket = Socket::open(world.served.address, foreigner).await;
        let id = socket.watch(name, &of(world, foreigner, one), Some(&one.journal)).await;
        let answer = socket.shown(id).await;
        refused(findings, &answer, || format!("{} gave the journal of alpha's {name}", foreigner.name));
        let changed = with_other_arguments(one);
        if let Some(arguments) = changed {
            let answer = clients.call(Surface::Rest, owner, &one.callable.description, &arguments).await;
            refused(findings, &answer, || format!("{name} took a cursor that it gave for other arguments"));
        }
    }
}

/// Returns the arguments of a caller: with documents of their own organization.
fn of(world: &World, who: &Somebody, asked: &Paged<'_>) -> Value {
    let mut call = asked.callable.calls[0].clone();
    call.arguments = asked.arguments.clone();
    if who != world.alpha.person("owner") {
        call = call.about_all(&world.alpha, &world.bravo);
    }
    call.arguments
}

fn refused(findings: &mut Findings, answer: &Answer, who: impl Fn() -> String) {
    findings.check(answer.tag() == "InvalidCursor", || format!("{} and heard: {}", who(), answer.text));
}

/// Returns the same page with another text or document, where the query takes one.
fn with_other_arguments(one: &Paged<'_>) -> Option<Value> {
    let without_page = |arguments: &Value| {
        let mut fields = arguments.as_object().cloned().unwrap_or_default();
        fields.remove(PAGE);
        fields
    };
    let own = without_page(&one.arguments);
    let mut others = one.callable.calls.iter().filter(|call| without_page(&call.arguments) != own);
    let mut arguments = others.next()?.arguments.clone();
    arguments[PAGE] = json!({ "numItems": 1, "cursor": one.cursor });
    Some(arguments)
}

async fn paged<'a>(world: &World, clients: &mut Clients, all: &'a [Callable]) -> Vec<Paged<'a>> {
    let mut paged = Vec::new();
    let owner = world.alpha.person("owner");
    for callable in all.iter().filter(|callable| callable.calls[0].arguments.get(PAGE).is_some()) {
        let mut arguments = callable.calls[0].arguments.clone();
        arguments[PAGE] = json!({ "numItems": 1 });
        let first = clients.call(Surface::Http, owner, &callable.description, &arguments).await;
        let first = first.outcome.unwrap_or_else(|refused| panic!("{}: {refused:?}", callable.name()));
        assert_eq!(first["isDone"], false, "there is more than one row for {}", callable.name());
        let cursor = first["continueCursor"].as_str().expect("a cursor").to_owned();
        let mut socket = Socket::open(world.served.address, owner).await;
        let id = socket.watch(callable.name(), &arguments, None).await;
        let journal = Socket::journal(&socket.shown(id).await).expect("a page has a journal");
        paged.push(Paged { callable, arguments, cursor, journal });
    }
    paged
}
