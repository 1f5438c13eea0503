//! Two complete organizations, and every kind of caller.

mod building;
mod events;
mod hand;
mod people;
mod server;
mod twins;

use std::future::Future;

use engine::{Operations, World as Chance};
use kernel::Result;
use serde_json::Value;
use testkit::{App, TestDb};

use self::{building::Builder, server::Served};
pub(crate) use self::{
    events::{Told, echo, nameless, snapshot, step, subscribed, text, whole},
    hand::{Column, Dump, Hands, names},
    people::{Org, Somebody},
};

/// The organization whose rows must stay hidden. Its texts contain this mark.
pub(crate) const ALPHA: &str = "alpha";
/// The organization of the attackers.
pub(crate) const BRAVO: &str = "bravo";

/// An installation with both organizations, and its server.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) operations: Operations,
    pub(crate) served: Served,
    pub(crate) told: Told,
    pub(crate) alpha: Org,
    pub(crate) bravo: Org,
    /// A signed-in person without any organization.
    pub(crate) nobody: Somebody,
    /// A viewer of bravo who has more rights in alpha. Their token names bravo.
    pub(crate) shared: Somebody,
    pub(crate) shared_id: String,
    /// Every caller outside of alpha.
    pub(crate) outsiders: Vec<Somebody>,
    pub(crate) hands: Hands,
}

/// Runs a test with test data of its own, on both databases.
pub(crate) async fn both<F, Fut>(test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    testkit::both(|database| {
        let test = &test;
        async move { test(World::new(&database).await).await }
    })
    .await;
}

impl World {
    /// Builds the test data, stored as [`Hands::WHOLE`], and without alpha's rows as [`Hands::WITHOUT_ALPHA`].
    pub(crate) async fn new(database: &TestDb) -> Self {
        let mut builder = Builder::new(database).await;
        let (alpha, bravo) = builder.organizations([ALPHA, BRAVO]).await;
        let (shared, shared_id) = builder.shared([(&alpha, "admin"), (&bravo, "viewer")]).await;
        let nobody = builder.somebody("nobody", "nobody");
        let mut hands = Hands::new(database).await;
        // Work in the queue stays undone until a test continues it.
        hands.write("delete from jobs where rank is not null;").await;
        twins::make(&mut hands, &alpha, &bravo).await;
        hands.keep(Hands::WHOLE).await;
        hands.remove(&alpha).await;
        hands.keep(Hands::WITHOUT_ALPHA).await;
        hands.put_back(Hands::WHOLE).await;
        let outsiders = outsiders(&builder, &alpha, &bravo, &nobody);
        let Builder { app, operations, told, tokens, .. } = builder;
        let served = Served::start(&app, &operations, &tokens).await;
        Self { app, operations, served, told, alpha, bravo, nobody, shared, shared_id, outsiders, hands }
    }

    /// Calls in process, past all surfaces.
    pub(crate) async fn ask(&self, who: &Somebody, operation: &str, arguments: &Value) -> Result<Value> {
        server::ask(&self.operations, &self.served.authenticator, who, operation, arguments).await
    }

    /// Returns a caller of an organization, or `nobody`.
    pub(crate) fn called<'w>(&'w self, org: &'w Org, name: &str) -> &'w Somebody {
        if name == "nobody" { &self.nobody } else { org.person(name) }
    }

    /// Returns the clock and the randomness.
    pub(crate) fn chance(&self) -> &Chance {
        &self.app.world
    }
}

/// Returns every caller of bravo, also those who ask for alpha or whose token names it; callers without an
/// organization, anonymous ones, and those whose credentials for alpha are no longer valid.
fn outsiders(builder: &Builder, alpha: &Org, bravo: &Org, nobody: &Somebody) -> Vec<Somebody> {
    const ROLES: [&str; 5] = ["owner", "admin", "staff", "viewer", "client"];
    let people = ROLES.map(|role| bravo.person(role).clone());
    let keys = bravo.keys.values().cloned();
    let others = [nobody.clone(), Somebody::anonymous()];
    let themselves: Vec<_> = people.into_iter().chain(keys).chain(others).collect();
    let wanting = themselves.iter().map(|somebody| somebody.wanting(&alpha.id));
    let claiming = ROLES.map(|role| builder.claiming(bravo, role, &alpha.slug()));
    let dead = alpha.dead.iter().cloned();
    themselves.iter().cloned().chain(wanting).chain(claiming).chain(dead).collect()
}
