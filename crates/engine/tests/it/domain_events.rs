//! Domain events: every feature that subscribed hears of what happened, each by a job of its own.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Applied, DomainEvent, Emitted, Event, EventCtx, EventHandler, Handlers, JobCtx, Routing, Subscriber};
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use testkit::{App, TestDb, both, event, hours};

use crate::shop::{TABLES, effects, heal, is_healed, register, sorted_effects, take_effect};

/// An order was sold.
#[derive(Serialize, Deserialize)]
struct Sold {
    order: String,
}

impl DomainEvent for Sold {
    const NAME: &'static str = "order.sold";
    const VERSION: i64 = 2;

    fn subject(&self) -> Option<String> {
        Some("the till".to_owned())
    }

    /// Version 1 called the order a title.
    fn upgrade(version: i64, mut payload: serde_json::Value) -> Result<serde_json::Value> {
        if version != 1 {
            return Err(Error::unsupported("older sales"));
        }
        payload["order"] = payload["title"].take();
        Ok(payload)
    }
}

/// Sells what its events say.
struct Till;

#[async_trait]
impl EventHandler for Till {
    fn name(&self) -> &'static str {
        "till"
    }

    fn routing(&self, _event: &Event) -> Result<Routing> {
        Ok(Routing::System)
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied> {
        ctx.emit(Sold { order: event.external_id.clone() }).await?;
        if event.kind == "undone" {
            return Err(Error::bad_request("undone", "the sale was undone"));
        }
        Ok(Applied::Done)
    }
}

/// Writes down what it hears.
struct Ledger;

#[async_trait]
impl Subscriber<Sold> for Ledger {
    async fn handle(&self, ctx: &JobCtx, sold: Emitted<Sold>) -> Result<()> {
        ctx.write(move |tx| {
            let line = format!("ledger: {}", sold.event.order);
            Box::pin(async move { take_effect(tx, &line).await })
        })
        .await
    }
}

/// Is ill until it is healed.
struct Mailing;

#[async_trait]
impl Subscriber<Sold> for Mailing {
    async fn handle(&self, ctx: &JobCtx, sold: Emitted<Sold>) -> Result<()> {
        ctx.write(move |tx| {
            let line = format!("mailing: {}", sold.event.order);
            Box::pin(async move {
                take_effect(tx, &line).await?;
                if is_healed(tx).await? { Ok(()) } else { Err(Error::unavailable("mail_down", "no mail today")) }
            })
        })
        .await
    }
}

async fn tills(database: &TestDb, subscribe: fn(&mut Handlers)) -> App {
    App::with_tables(database, &TABLES, |handlers| {
        register(handlers);
        handlers.on("till", Arc::new(Till));
        subscribe(handlers);
    })
    .await
}

#[tokio::test]
async fn everybody_who_subscribed_hears_of_it_and_who_fails_is_tried_again_alone() {
    both(|database| async move {
        let app = tills(&database, |handlers| {
            handlers.subscribe::<Sold, _>("ledger", Ledger).subscribe::<Sold, _>("mailing", Mailing);
        })
        .await;
        app.deliver("till", event("tea", "sold", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["ledger: tea"]);
        heal(&database).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["healed", "ledger: tea", "mailing: tea"]);
        let kinds: Vec<_> = app.jobs().await.into_iter().map(|job| job.kind).collect();
        assert_eq!(kinds, ["order.sold>ledger", "order.sold>mailing"]);
    })
    .await;
}

#[tokio::test]
async fn without_a_subscriber_nothing_is_written() {
    both(|database| async move {
        let app = tills(&database, |_handlers| {}).await;
        app.deliver("till", event("tea", "sold", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("processed").await, 1);
        assert_eq!(app.jobs().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn nobody_hears_of_what_was_undone() {
    both(|database| async move {
        let app = tills(&database, |handlers| {
            handlers.subscribe::<Sold, _>("ledger", Ledger);
        })
        .await;
        app.deliver("till", event("tea", "undone", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(app.jobs().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_happened_to_one_subject_is_heard_in_its_order() {
    both(|database| async move {
        let app = tills(&database, |handlers| {
            handlers.subscribe::<Sold, _>("mailing", Mailing);
        })
        .await;
        for order in ["first", "second", "third"] {
            app.deliver("till", event(order, "sold", "{}").in_lane(Some("till"))).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0], "those behind one that failed wait for it");
        heal(&database).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["healed", "mailing: first", "mailing: second", "mailing: third"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_of_an_older_release_is_brought_up_to_date() {
    both(|database| async move {
        let app = tills(&database, |handlers| {
            handlers.subscribe::<Sold, _>("ledger", Ledger);
        })
        .await;
        database
            .execute(
                "insert into jobs (kind, version, state, rank, max_attempts, created_ms, payload)
                 values ('order.sold>ledger', 1, 'ready', 1, 3, 1,
                     '{\"id\":\"dev_01kaj3v0q8e5hbm9x2w7c4d6f0\",\"at\":1,\"event\":{\"title\":\"old tea\"}}')",
            )
            .await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["ledger: old tea"]);
    })
    .await;
}
