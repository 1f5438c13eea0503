//! What is the same stays the same, and what is registered twice is refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use engine::{
    Audit, Change, Identity, Mutation, MutationCtx, Nobody, Operations, Query, QueryCtx, Registry, Replay, Who, World,
    get, operation::Route, post,
};
use kernel::{Access, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::Tx;
use testkit::{TestClock, TestDb, TestRandom, both, hours};

use crate::shop::{TABLES, effects, take_effect};

/// Note something.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Note {
    what: String,
    more: Map<String, Value>,
}

#[async_trait]
impl Mutation for Note {
    const NAME: &'static str = "notes:add";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/notes");
    type Output = String;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<String> {
        take_effect(ctx.db, &self.what).await?;
        Ok(self.what)
    }
}

/// Who asks, without saying that it asks.
#[derive(Deserialize, JsonSchema)]
struct Nosy {}

#[async_trait]
impl Query for Nosy {
    const NAME: &'static str = "notes:nosy";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/notes/nosy");
    type Output = String;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<String> {
        Ok(ctx.caller()?.display_name())
    }
}

/// Served where the notes are made.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Squatter {}

#[async_trait]
impl Mutation for Squatter {
    const NAME: &'static str = "squatters:add";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/notes");
    type Output = ();

    async fn run(self, _ctx: &mut MutationCtx<'_>) -> Result<()> {
        Ok(())
    }
}

async fn operations(database: &TestDb) -> Operations {
    let world = World::new(Arc::new(TestClock::new()), Arc::new(TestRandom::new(1)));
    store::migrate(&database.db, &TABLES, world.now()).await.unwrap();
    let mut registry = Registry::new();
    registry.mutation::<Note>().query::<Nosy>();
    Operations::new(registry.freeze().unwrap(), database.db.clone(), world, Arc::new(Nobody), &[1; 32])
}

fn nobody() -> Who {
    Who { identity: Identity::Anonymous, organization: None, origin: None }
}

#[tokio::test]
async fn a_client_that_writes_its_keys_in_another_order_asks_for_the_same_again() {
    both(|database| async move {
        let operations = operations(&database).await;
        let keep_until = operations.world().now() + hours(24);
        let replay = || Some(Replay { session: "s".to_owned(), request: "1".to_owned(), keep_until });
        let one: Value = serde_json::from_str(r#"{"what":"a","more":{"x":1,"y":{"b":2,"a":3}}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"more":{"y":{"a":3,"b":2},"x":1},"what":"a"}"#).unwrap();
        operations.mutation(&nobody(), "notes:add", &one, replay()).await.unwrap();
        let again = operations.mutation(&nobody(), "notes:add", &other, replay()).await.unwrap();
        assert_eq!(again.output, json!("a"));
        assert_eq!(effects(&database).await, ["a"]);
        let another = json!({ "what": "a", "more": { "x": 2 } });
        let refused = operations.mutation(&nobody(), "notes:add", &another, replay()).await;
        assert_eq!(refused.unwrap_err().tag, "request_reused");
    })
    .await;
}

#[tokio::test]
async fn a_query_that_reads_who_asks_and_does_not_say_so_fails() {
    both(|database| async move {
        let operations = operations(&database).await;
        let refused = operations.query(&nobody(), "notes:nosy", json!({})).await;
        assert_eq!(refused.unwrap_err().tag, "query_not_personal");
    })
    .await;
}

/// Counts what was done.
#[derive(Default)]
struct Counter(AtomicUsize);

#[async_trait]
impl Audit for Counter {
    async fn record(&self, _tx: &mut Tx, _change: &Change<'_>) -> Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn operations_are_audited_also_when_they_were_cloned_before() {
    both(|database| async move {
        let operations = operations(&database).await;
        let before = operations.clone();
        let counter = Arc::new(Counter::default());
        let audited = operations.audited(counter.clone());
        let note = json!({ "what": "a", "more": {} });
        audited.mutation(&nobody(), "notes:add", &note, None).await.unwrap();
        before.mutation(&nobody(), "notes:add", &note, None).await.unwrap();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[test]
fn two_operations_of_one_name_or_one_route_are_refused_at_start() {
    let mut registry = Registry::new();
    registry.mutation::<Note>().mutation::<Note>();
    let error = registry.freeze().err().unwrap();
    assert_eq!(error.message, "two operations are called notes:add: rename one of each");
    let mut registry = Registry::new();
    registry.mutation::<Note>().mutation::<Squatter>();
    let error = registry.freeze().err().unwrap();
    assert_eq!(error.message, "notes:add and squatters:add are both served at /v1/notes: rename one of each");
}
