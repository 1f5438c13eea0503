//! A subscription on a socket shows what the caller would be answered, and nothing that others are shown, although
//! callers with the same rights share answers.

use serde_json::{Value, json};

use crate::{
    arguments::{self, Callable},
    findings::Findings,
    surfaces::Socket,
    world::{ALPHA, BRAVO, Hands, Somebody, World, both},
};

#[tokio::test]
async fn whoever_watches_sees_what_they_may_and_nothing_of_others() {
    both(|mut world| async move {
        let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
        let all = arguments::all(&mut world, &alpha, &bravo, Hands::WHOLE).await;
        let queries: Vec<_> = all.iter().filter(|callable| callable.reads()).collect();
        let mut findings = Findings::default();
        let mut watchers = watchers(&world, &queries).await;
        for watcher in &mut watchers {
            watcher.compare(&world, &queries, &mut findings).await;
        }
        findings.none();
        touch_everything(&world).await;
        for watcher in &mut watchers {
            watcher.compare(&world, &queries, &mut findings).await;
        }
        findings.none();
        lose_access(&world, &mut watchers, &mut findings).await;
        findings.none();
    })
    .await;
}

/// A caller who is removed, or whose key is revoked, is told so, and is shown nothing more.
async fn lose_access(world: &World, watchers: &mut [Watcher], findings: &mut Findings) {
    let alpha = &world.alpha;
    let owner = alpha.person("owner");
    let (viewer, key) = (alpha.person("viewer"), alpha.key("viewer"));
    let me = world.ask(viewer, "users:me", &json!({})).await.expect("a viewer knows who they are");
    world.ask(owner, "users:remove", &json!({ "userId": me["_id"] })).await.expect("a viewer can be removed");
    let keys = world.ask(owner, "apiKeys:list", &json!({})).await.expect("keys");
    let named = |key: &&Value| key["name"] == "alpha key viewer" && key["revokedAt"].is_null();
    let id = &keys.as_array().into_iter().flatten().find(named).expect("the key")["_id"];
    world.ask(owner, "apiKeys:revoke", &json!({ "apiKeyId": id })).await.expect("a key can be revoked");
    for watcher in watchers.iter_mut().filter(|watcher| watcher.who == *viewer || watcher.who == *key) {
        let new = watcher.socket.watch("customers:list", &json!({}), None).await;
        let answer = watcher.socket.shown(new).await;
        findings.check(answer.code() == "unauthenticated", || {
            format!("{} has lost access, and is shown: {}", watcher.who.name, answer.text)
        });
    }
}

/// A caller with a subscription to every query.
struct Watcher {
    who: Somebody,
    /// A text that only the other organization's documents contain.
    foreign: &'static str,
    socket: Socket,
    watched: Vec<(u64, Value)>,
}

async fn watchers(world: &World, queries: &[&Callable]) -> Vec<Watcher> {
    let mut watchers = Vec::new();
    for (org, foreign) in [(&world.alpha, BRAVO), (&world.bravo, ALPHA)] {
        let callers = org.people.values().chain(org.keys.values()).cloned();
        let strangers = [world.nobody.clone(), Somebody::anonymous()];
        for who in callers.chain(strangers) {
            let socket = Socket::open(world.served.address, &who).await;
            let mut watcher = Watcher { who, foreign, socket, watched: Vec::new() };
            for callable in queries {
                // All callers subscribe to the same documents, whether or not they may see them.
                let arguments = callable.calls[0].unmarked(&world.alpha).arguments;
                let id = watcher.socket.watch(callable.name(), &arguments, None).await;
                watcher.watched.push((id, arguments));
            }
            watchers.push(watcher);
        }
    }
    watchers
}

impl Watcher {
    /// Checks that the current answers are what the caller is answered now.
    async fn compare(&mut self, world: &World, queries: &[&Callable], findings: &mut Findings) {
        // A new answer moves all subscriptions of the connection to its snapshot.
        let new = self.socket.watch("organizations:has", &json!({}), None).await;
        self.socket.shown(new).await;
        for ((id, arguments), callable) in self.watched.iter().zip(queries) {
            let shown = self.socket.state(*id);
            let told = world.ask(&self.who, callable.name(), arguments).await;
            let told = told.map_err(|error| error.code.as_str().to_owned());
            let same = match (&shown, &told) {
                (Some(Ok(shown)), Ok(told)) => alike(shown) == alike(told),
                (Some(Err((code, _))), Err(told)) => code == told,
                _ => false,
            };
            let (name, who) = (callable.name(), &self.who.name);
            findings.check(same, || format!("{who} watches {name}, is shown {shown:?}, and when they ask: {told:?}"));
            let text = format!("{shown:?}");
            // Alpha has twins of bravo's people, and bravo nothing of alpha.
            findings.check(self.foreign == BRAVO || !text.contains(self.foreign), || {
                format!("{who} watches {name} and is shown what is {}'s: {text}", self.foreign)
            });
        }
    }
}

/// Cursors contain randomness.
fn alike(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| name != "continueCursor" && name != "splitCursor");
    }
    value
}

/// Makes changes in both organizations that many queries read.
async fn touch_everything(world: &World) {
    for org in [&world.alpha, &world.bravo] {
        let owner = org.person("owner");
        let customer = json!({ "name": format!("{} newcomer", org.mark) });
        let made = world.ask(owner, "customers:create", &customer).await.expect("a customer can be made");
        let staff = &org.ids["usr"].clone();
        for user in staff {
            // Only staff can be assigned; the calls for others fail.
            let assignment = json!({ "customerId": made["_id"], "userId": user });
            world.ask(owner, "assignments:assign", &assignment).await.map(drop).unwrap_or_default();
        }
        world.ask(owner, "settings:update", &json!({ "weekStartsOn": 7 })).await.expect("settings can be chosen");
        world
            .ask(owner, "organizations:update", &json!({ "name": format!("{} Ltd", org.mark) }))
            .await
            .expect("a name");
    }
}
