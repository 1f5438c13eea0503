//! Mutations that are remembered, beside one another.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use engine::{
    Identity, Mutation, MutationCtx, Nobody, Operations, Registry, Replay, Who, World, operation::Route, post,
};
use kernel::{Access, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Engine;
use testkit::{TestClock, TestDb, TestRandom, both, hours};
use tokio::task::JoinSet;

use crate::shop::{TABLES, effects, gate, take_effect};

/// Take effect, and wait at a gate.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct WaitAtGate {
    gate: String,
}

#[async_trait]
impl Mutation for WaitAtGate {
    const NAME: &'static str = "gates:wait";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/gates");
    type Output = String;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<String> {
        take_effect(ctx.db, &self.gate).await?;
        gate(&self.gate).pass().await;
        Ok(self.gate)
    }
}

async fn operations(database: &TestDb) -> Operations {
    let world = World::new(Arc::new(TestClock::new()), Arc::new(TestRandom::new(1)));
    store::migrate(&database.db, &TABLES, world.now()).await.expect("it works in this test");
    let mut registry = Registry::new();
    registry.mutation::<WaitAtGate>();
    Operations::new(registry.freeze().unwrap(), database.db.clone(), world, Arc::new(Nobody), &[1; 32])
}

fn call(operations: &Operations, session: &str, gate: &str) -> impl Future<Output = Value> + Send + use<> {
    let (operations, arguments) = (operations.clone(), json!({ "gate": gate }));
    let keep_until = operations.world().now() + hours(24);
    let replay = Replay { session: session.to_owned(), request: "1".to_owned(), keep_until };
    async move {
        let nobody = Who { identity: Identity::Anonymous, organization: None, origin: None };
        let done = operations.mutation(&nobody, "gates:wait", &arguments, Some(replay)).await;
        done.expect("it works in this test").output
    }
}

#[tokio::test]
async fn what_is_remembered_of_one_session_makes_the_mutation_of_another_run_once_all_the_same() {
    both(|database| async move {
        let operations = operations(&database).await;
        let [slow, quick] = ["slow", "quick"].map(|name| format!("replays {name} {:?}", database.db.engine()));
        let first = tokio::spawn(call(&operations, "s1", &slow));
        gate(&slow).arrival().await;
        gate(&quick).open();
        let second = call(&operations, "s2", &quick);
        let mut done = JoinSet::new();
        done.spawn(second);
        // SQLite has one writer: there, the second waits for the first.
        if database.db.engine() == Engine::Postgres {
            assert_eq!(done.join_next().await.unwrap().unwrap(), json!(quick));
        }
        // Twice: a run that was undone would come again, and could pass.
        (0..2).for_each(|_| gate(&slow).open());
        assert_eq!(first.await.unwrap(), json!(slow));
        done.join_all().await;
        assert_eq!(gate(&slow).arrivals(), 0, "the first ran once");
        assert_eq!(effects(&database).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_on_two_connections_at_once_is_done_once() {
    both(|database| async move {
        let operations = operations(&database).await;
        let name = format!("replays same {:?}", database.db.engine());
        let both = [0, 1].map(|_| tokio::spawn(call(&operations, "s1", &name)));
        gate(&name).arrival().await;
        (0..2).for_each(|_| gate(&name).open());
        for done in both {
            assert_eq!(done.await.unwrap(), json!(name));
        }
        assert_eq!(effects(&database).await, [name]);
    })
    .await;
}
