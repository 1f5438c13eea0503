//! Within an organization: callers without the right to an operation are refused over every surface, and change
//! nothing.

use std::collections::BTreeMap;

use kernel::Access;
use serde_json::Value;

use crate::{
    arguments::{self, Callable, is_as_good},
    findings::Findings,
    surfaces::{Clients, Surface},
    world::{Dump, Hands, Somebody, World, both},
};

/// The roles that may call each operation, as people decided.
const WRITTEN: &str = include_str!("roles.txt");

#[test]
fn who_may_call_what_is_as_it_was_decided() {
    let mut registry = engine::Registry::new();
    app::operations(&mut registry);
    let catalog = registry.freeze().unwrap();
    let now: String =
        catalog.all().map(|operation| line(operation.description.name, operation.description.access)).collect();
    assert_eq!(
        now, WRITTEN,
        "somebody may call what they could not, or there is a new operation: if it is meant, this is the new text of \
         tests/isolation/roles.txt\n{now}"
    );
}

fn line(name: &str, access: Access) -> String {
    let who = match access {
        Access::Public => "everybody".to_owned(),
        Access::SignedIn => "signed-in".to_owned(),
        Access::Roles(roles) => roles.iter().map(kernel::Role::as_str).collect::<Vec<_>>().join(" "),
    };
    format!("{name}: {who}\n")
}

/// Returns the roles that may call an operation, from the file and not from the product.
pub(crate) fn allowed(operation: &str) -> Vec<&'static str> {
    let lines: BTreeMap<_, _> = WRITTEN.lines().filter_map(|line| line.split_once(": ")).collect();
    lines.get(operation).map(|roles| roles.split(' ').collect()).unwrap_or_default()
}

pub(crate) fn may(operation: &str, role: &str) -> bool {
    allowed(operation).iter().any(|allowed| *allowed == role || *allowed == "everybody" || *allowed == "signed-in")
}

#[tokio::test]
async fn whoever_may_not_is_refused_over_every_surface() {
    both(|mut world| async move {
        let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
        let all = arguments::all(&mut world, &alpha, &bravo, Hands::WHOLE).await;
        let mut clients = Clients::new(&world);
        let mut findings = Findings::default();
        for callable in &all {
            lower_roles(&world, &mut clients, callable, &mut findings).await;
            scopes(&mut world, &mut clients, callable, &mut findings).await;
            let (then, now) = (world.hands.kept(Hands::WHOLE), world.hands.put_back(Hands::WHOLE).await);
            for row in Dump::difference(&then.of(&alpha), &now.of(&alpha)) {
                findings.note(format!("somebody who may not call {} changed a row: {row}", callable.name()));
            }
            owners(&mut world, callable, &mut findings).await;
            clients.hang_up();
            findings.none();
        }
        crate::sights::are_kept(&mut world, &mut clients, &all, &mut findings).await;
        findings.none();
        crate::cursors::mean_nothing_elsewhere(&world, &mut clients, &all, &mut findings).await;
        findings.none();
        crate::replays::belong_to_their_caller(&mut world, &mut clients, &all, &mut findings).await;
        findings.none();
    })
    .await;
}

/// People and keys of alpha whose role may not call the operation.
async fn lower_roles(world: &World, clients: &mut Clients, callable: &Callable, findings: &mut Findings) {
    let alpha = &world.alpha;
    // An impersonator has the rights of the member whom they impersonate, whatever their own.
    let acting = (alpha.person("actor"), "viewer");
    let strangers = [(alpha.person("late"), "signed-in"), (&world.nobody, "signed-in")];
    let callers = alpha.callers().into_iter().chain([acting]).chain(strangers);
    let anonymous = Somebody::anonymous();
    let callers: Vec<_> = callers.chain([(&anonymous, "everybody")]).collect();
    for (who, role) in callers {
        let allowed = allowed(callable.name());
        let is_allowed = match role {
            "everybody" => allowed.contains(&"everybody"),
            role => may(callable.name(), role),
        };
        if is_allowed {
            continue;
        }
        for surface in Surface::of(callable.description.kind) {
            let answer = clients.call(*surface, who, &callable.description, &callable.calls[0].arguments).await;
            let wanted = if role == "everybody" { "unauthenticated" } else { "forbidden" };
            findings.check(answer.code() == wanted, || {
                format!("{} may not call {}, and heard over {surface:?}: {}", who.name, callable.name(), answer.text)
            });
        }
    }
}

/// A key with a scope for customers can call nothing else, although its role could.
async fn scopes(world: &mut World, clients: &mut Clients, callable: &Callable, findings: &mut Findings) {
    if !may(callable.name(), "admin") {
        return;
    }
    let key = world.alpha.key("scoped").clone();
    let covered = callable.name().starts_with("customers:");
    for surface in Surface::of(callable.description.kind) {
        let answer = clients.call(*surface, &key, &callable.description, &callable.calls[0].arguments).await;
        let is_answered = answer.outcome.is_ok() || is_as_good(callable.name(), answer.tag());
        let fine = if covered { is_answered } else { answer.tag() == "scope_missing" };
        findings.check(fine, || format!("a key for customers called {} and heard: {}", callable.name(), answer.text));
        if covered && !callable.reads() {
            world.hands.put_back(Hands::WHOLE).await;
            clients.hang_up();
        }
    }
}

/// Only owners may change or make owners.
async fn owners(world: &mut World, callable: &Callable, findings: &mut Findings) {
    if callable.reads() || !may(callable.name(), "admin") {
        return;
    }
    let alpha = world.alpha.clone();
    let concerns_owners = |value: &Value| value == "owner" || alpha.owners.iter().any(|owner| value == owner.as_str());
    for call in &callable.calls {
        if !call.arguments.as_object().into_iter().flatten().any(|(_, value)| concerns_owners(value)) {
            continue;
        }
        for who in [alpha.person("admin"), alpha.key("admin")] {
            let answer = world.ask(who, callable.name(), &call.arguments).await;
            findings.check(answer.is_err(), || {
                format!("{} is no owner, and called {} with {}", who.name, callable.name(), call.arguments)
            });
            world.hands.put_back(Hands::WHOLE).await;
        }
    }
}
