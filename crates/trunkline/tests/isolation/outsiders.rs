//! Callers outside of an organization see nothing of it and change nothing in it.

use crate::{
    arguments::{self, Call, Callable, is_as_good},
    findings::{Findings, without_echo},
    surfaces::{Answer, Clients, Surface, turn},
    world::{ALPHA, Dump, Hands, Somebody, World, both},
};

#[tokio::test]
async fn nobody_of_another_organization_sees_or_changes_anything() {
    both(|mut world| async move {
        let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
        let all = arguments::all(&mut world, &alpha, &bravo, Hands::WHOLE).await;
        let mut clients = Clients::new(&world);
        for callable in &all {
            let mut findings = Findings::default();
            for call in attempts(&world, callable) {
                attack(&world, &mut clients, callable, &call.unmarked(&alpha), &mut findings).await;
            }
            let then = world.hands.kept(Hands::WHOLE);
            let now = world.hands.put_back(Hands::WHOLE).await;
            for row in Dump::difference(&then.of(&alpha), &now.of(&alpha)) {
                findings.note(format!("somebody who called {} changed a row: {row}", callable.name()));
            }
            if now != *then {
                clients.hang_up();
            }
            findings.none();
            assert_control(&mut world, &mut clients, callable).await;
        }
    })
    .await;
}

/// Returns the calls of an attacker who knows alpha's ids: all arguments from alpha, or one beside documents of their
/// own.
fn attempts(world: &World, callable: &Callable) -> Vec<Call> {
    let mut attempts = Vec::new();
    for call in callable.shapes() {
        attempts.push(call.clone());
        if call.ids.len() > 1 {
            let own = call.about_all(&world.alpha, &world.bravo);
            attempts.extend(call.ids.iter().map(|argument| own.about(argument, &world.bravo, &world.alpha)));
        }
    }
    attempts
}

async fn attack(world: &World, clients: &mut Clients, callable: &Callable, call: &Call, findings: &mut Findings) {
    for (at, who) in world.outsiders.iter().enumerate() {
        // Keys, and callers who only claim alpha, use the surfaces in turn.
        let one = [turn(callable.description.kind, at)];
        let surfaces = if is_plain(world, who) { Surface::of(callable.description.kind) } else { &one };
        for surface in surfaces {
            let answer = clients.call(*surface, who, &callable.description, &call.arguments).await;
            judge(world, who, call, &answer, |what| {
                let called = format!("{} called {} over {surface:?}", who.name, callable.name());
                findings.note(format!("{called} with {} and {what}: {}", call.arguments, answer.text));
            });
        }
    }
}

fn is_plain(world: &World, who: &Somebody) -> bool {
    world.bravo.people.values().any(|known| known == who)
}

fn judge(world: &World, who: &Somebody, call: &Call, answer: &Answer, mut object: impl FnMut(&str)) {
    let heard = without_echo(&answer.text, &call.arguments, who);
    let ids = world.alpha.ids.values().flatten().chain([&world.alpha.id]);
    if heard.contains(ALPHA) || ids.clone().any(|id| heard.contains(id.as_str())) {
        object("heard of what is alpha's");
    }
    let names_alphas = !call.ids.is_empty();
    let may_ask = who == world.bravo.person("owner");
    match answer.code() {
        "done" if names_alphas => object("was answered"),
        "internal" | "closed" => object("broke something"),
        "not_found" | "done" => {}
        code if names_alphas && may_ask => object(&format!("was not told that there is no such thing, but {code}")),
        _ => {}
    }
}

/// Members of alpha make the same calls over all surfaces and are answered: what was refused above exists.
async fn assert_control(world: &mut World, clients: &mut Clients, callable: &Callable) {
    let who = world.called(&world.alpha, callable.by).clone();
    for surface in Surface::of(callable.description.kind) {
        let answer = clients.call(*surface, &who, &callable.description, &callable.calls[0].arguments).await;
        let is_answered = answer.outcome.is_ok() || is_as_good(callable.name(), answer.tag());
        assert!(is_answered, "{} calls {} over {surface:?}: {answer:?}", who.name, callable.name());
        if !callable.reads() {
            world.hands.put_back(Hands::WHOLE).await;
            clients.hang_up();
        }
    }
}
