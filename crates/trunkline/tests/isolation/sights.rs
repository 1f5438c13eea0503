//! Within an organization: staff see the customers that they are assigned to, clients their own, and neither can change
//! others.

use crate::{
    arguments::Callable,
    findings::{Findings, without_echo},
    roles::may,
    surfaces::{Clients, Surface, turn},
    world::{Dump, Hands, Org, Somebody, World},
};

/// Callers, the only customer that each of them sees, and their roles.
const SIGHTS: [(&str, &str, usize); 4] =
    [("staff", "staff", 0), ("staff2", "staff", 1), ("client", "client", 0), ("client2", "client", 1)];

pub(crate) async fn are_kept(world: &mut World, clients: &mut Clients, all: &[Callable], findings: &mut Findings) {
    let alpha = world.alpha.clone();
    for callable in all {
        for (name, role, sees) in SIGHTS {
            if may(callable.name(), role) {
                probe(world, clients, callable, (alpha.person(name), sees), findings).await;
            }
        }
    }
}

async fn probe(
    world: &mut World,
    clients: &mut Clients,
    callable: &Callable,
    (who, sees): (&Somebody, usize),
    findings: &mut Findings,
) {
    let alpha = world.alpha.clone();
    let customers = &alpha.ids["cus"];
    let unseen: Vec<_> = customers.iter().enumerate().filter(|(at, _)| *at != sees).map(|(_, id)| id).collect();
    for (at, call) in callable.calls.iter().enumerate() {
        let is_about_unseen = unseen.iter().any(|id| call.names(id));
        let is_about_seen = call.names(&customers[sees]);
        let one = [turn(callable.description.kind, at)];
        let surfaces = if is_about_unseen { Surface::of(callable.description.kind) } else { &one };
        for surface in surfaces {
            let answer = clients.call(*surface, who, &callable.description, &call.arguments).await;
            let said = |what: &str| {
                format!("{} {what} over {surface:?}: {} {} {}", who.name, callable.name(), call.arguments, answer.text)
            };
            let heard = without_echo(&answer.text, &call.arguments, who);
            findings.check(!unseen_words(&alpha, sees).iter().any(|word| heard.contains(word)), || {
                said("heard of a customer that they do not see")
            });
            findings.check(!is_about_unseen || answer.code() == "not_found", || {
                said("was not told that there is no such customer")
            });
            findings.check(!is_about_seen || is_about_unseen || answer.outcome.is_ok(), || {
                said("did not see a customer that is theirs")
            });
        }
        if !callable.reads() {
            let (then, now) = (world.hands.kept(Hands::WHOLE), world.hands.put_back(Hands::WHOLE).await);
            let changed = Dump::difference(&then.of(&alpha), &now.of(&alpha));
            for row in changed.iter().filter(|row| unseen.iter().any(|id| row.contains(id.as_str()))) {
                findings.note(format!("{} called {} and changed {row}", who.name, callable.name()));
            }
            clients.hang_up();
        }
    }
}

/// Returns the texts of customers that a caller does not see.
fn unseen_words(org: &Org, sees: usize) -> Vec<String> {
    let mark = org.mark;
    let names = ["one", "two", "three"].into_iter().enumerate().filter(|(at, _)| *at != sees);
    let words = names.flat_map(|(at, name)| {
        let id = org.ids["cus"][at].clone();
        [id, format!("{mark} customer {name}"), format!("{name}@{mark}.example"), format!("{mark} notes {name}")]
    });
    words.collect()
}
