//! Two organizations with everything in them, and everybody who could try something.

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

/// The organization whose rows nobody of the other one may see. Its texts say so.
pub(crate) const ALPHA: &str = "alpha";
/// The organization of those who try.
pub(crate) const BRAVO: &str = "bravo";

/// An installation with both, served.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) operations: Operations,
    pub(crate) served: Served,
    pub(crate) told: Told,
    pub(crate) alpha: Org,
    pub(crate) bravo: Org,
    /// Somebody who signed in and belongs nowhere.
    pub(crate) nobody: Somebody,
    /// A viewer of bravo who does more in alpha. Their token names bravo.
    pub(crate) shared: Somebody,
    pub(crate) shared_id: String,
    /// Everybody who has no business in alpha.
    pub(crate) outsiders: Vec<Somebody>,
    pub(crate) hands: Hands,
}

/// Runs a test in a world of its own, on both databases.
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
    /// A world, as it is kept under [`Hands::WHOLE`], and without what is alpha's under [`Hands::WITHOUT_ALPHA`].
    pub(crate) async fn new(database: &TestDb) -> Self {
        let mut builder = Builder::new(database).await;
        let (alpha, bravo) = builder.organizations([ALPHA, BRAVO]).await;
        let (shared, shared_id) = builder.shared([(&alpha, "admin"), (&bravo, "viewer")]).await;
        let nobody = builder.somebody("nobody", "nobody");
        let mut hands = Hands::new(database).await;
        // What was begun and waits stays so until somebody goes on with it.
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

    /// Asks in process, past all surfaces.
    pub(crate) async fn ask(&self, who: &Somebody, operation: &str, arguments: &Value) -> Result<Value> {
        server::ask(&self.operations, &self.served.authenticator, who, operation, arguments).await
    }

    /// Somebody of an organization, or `nobody`.
    pub(crate) fn called<'w>(&'w self, org: &'w Org, name: &str) -> &'w Somebody {
        if name == "nobody" { &self.nobody } else { org.person(name) }
    }

    /// Time and chance.
    pub(crate) fn chance(&self) -> &Chance {
        &self.app.world
    }
}

/// Everybody of bravo, also those who say that they want to act in alpha or whose token says so; whoever belongs nowhere,
/// shows nothing, or shows what was good in alpha once.
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
