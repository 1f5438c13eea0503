//! The stored answer of a mutation belongs to its caller: no other caller gets it with the same key or request.

use crate::{
    arguments::{Callable, is_as_good},
    findings::{Findings, without_echo},
    surfaces::{Answer, Clients, Socket},
    world::{Hands, Somebody, World},
};

const SESSION: &str = "11111111-7a0e-4d0e-9a51-0e8b2d1f3a77";

pub(crate) async fn belong_to_their_caller(
    world: &mut World,
    clients: &mut Clients,
    all: &[Callable],
    findings: &mut Findings,
) {
    for callable in all.iter().filter(|callable| callable.description.kind == engine::Kind::Mutation) {
        over_rest(world, clients, callable, findings).await;
        over_the_socket(world, callable, findings).await;
        findings.none();
    }
}

async fn over_rest(world: &mut World, clients: &Clients, callable: &Callable, findings: &mut Findings) {
    const KEY: &str = "the same key";
    let name = callable.name();
    let (call, (who, foreigner, colleague)) = (&callable.calls[0], people(world, callable));
    let first = clients.rest(&who, &callable.description, &call.arguments, Some(KEY)).await;
    if is_as_good(name, first.tag()) {
        return;
    }
    assert!(first.outcome.is_ok(), "{} calls {name}: {first:?}", who.name);
    let again = clients.rest(&who, &callable.description, &call.arguments, Some(KEY)).await;
    // A caller whose identity was changed by the call, or who was shown a secret once, is answered differently.
    findings.check(again.outcome.is_err() || again.outcome == first.outcome, || {
        format!("{name} was done twice with one key: {first:?}, then {again:?}")
    });
    for other in [&foreigner, &colleague] {
        let answer = clients.rest(other, &callable.description, &call.arguments, Some(KEY)).await;
        strange(world, findings, (name, "key"), (other, &call.arguments), &first, &answer);
        findings.check(!answer.tag().starts_with("request_"), || {
            format!("{} could tell that another one called {name} with this key: {}", other.name, answer.text)
        });
    }
    let own = call.about_all(&world.alpha, &world.bravo);
    let answer = clients.rest(&foreigner, &callable.description, &own.arguments, Some(KEY)).await;
    strange(world, findings, (name, "key"), (&foreigner, &own.arguments), &first, &answer);
    findings.check(!answer.tag().starts_with("request_"), || {
        format!("{} cannot call {name} because another organization used the key: {}", foreigner.name, answer.text)
    });
    world.hands.put_back(Hands::WHOLE).await;
}

async fn over_the_socket(world: &mut World, callable: &Callable, findings: &mut Findings) {
    let (call, (who, foreigner, colleague)) = (&callable.calls[0], people(world, callable));
    let address = world.served.address;
    let mut socket = Socket::open_as(address, &who, SESSION).await;
    let first = socket.call(&callable.description, &call.arguments).await;
    drop(socket);
    for other in [&foreigner, &colleague] {
        let mut socket = Socket::open_as(address, other, SESSION).await;
        let answer = socket.call(&callable.description, &call.arguments).await;
        strange(world, findings, (callable.name(), "session"), (other, &call.arguments), &first, &answer);
        findings.check(answer.outcome.is_err(), || {
            format!("{} was answered {} in another's session: {}", other.name, callable.name(), answer.text)
        });
    }
    world.hands.put_back(Hands::WHOLE).await;
}

/// Returns the caller, the caller in the same role of the other organization, and another caller who has the right too.
fn people(world: &World, callable: &Callable) -> (Somebody, Somebody, Somebody) {
    let who = world.called(&world.alpha, callable.by).clone();
    let foreigner = world.called(&world.bravo, callable.by).clone();
    let colleague = if callable.by == "owner" { world.alpha.person("admin") } else { world.alpha.person("guest") };
    let foreigner = if foreigner == who { world.bravo.person("guest").clone() } else { foreigner };
    (who, foreigner, colleague.clone())
}

/// Checks that the other answer contains nothing of the first that only its caller can know.
fn strange(
    world: &World,
    findings: &mut Findings,
    (name, by): (&str, &str),
    (other, arguments): (&Somebody, &serde_json::Value),
    first: &Answer,
    answer: &Answer,
) {
    let heard = without_echo(&answer.text, arguments, other);
    let made = first.outcome.iter().flat_map(|value| new_words(world, &value.to_string()));
    for word in made.filter(|word| heard.contains(word.as_str())) {
        findings.note(format!("{} learned {word} of another's {name} by its {by}: {}", other.name, answer.text));
    }
}

/// Returns the ids and keys in an answer that appeared nowhere before.
fn new_words(world: &World, text: &str) -> Vec<String> {
    let then = world.hands.kept(Hands::WHOLE);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.len() >= 30 && !then.says(word)).map(str::to_owned).collect()
}
