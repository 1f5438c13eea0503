//! Rolling releases: nodes of two releases work on one database, and each does only what it knows.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Event, EventCtx, EventHandler, Handlers, Job, JobCtx, NewJob, Routing};
use kernel::Result;
use serde::{Deserialize, Serialize};
use testkit::{App, TestDb, both};

use crate::shop::{How, effects, errand, order, shop, sorted_effects, take_effect};

/// The errand of the next release.
#[derive(Serialize, Deserialize)]
struct NextErrand {
    label: String,
}

#[async_trait]
impl Job for NextErrand {
    const NAME: &'static str = "errand";
    const VERSION: i64 = 3;

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        effect(ctx, self.label).await
    }

    fn upgrade(_version: i64, mut payload: serde_json::Value) -> Result<serde_json::Value> {
        payload["label"] = payload["name"].take();
        Ok(payload)
    }
}

/// A kind of job that only the next release has.
#[derive(Serialize, Deserialize)]
struct Parcel {
    label: String,
}

#[async_trait]
impl Job for Parcel {
    const NAME: &'static str = "parcel";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        effect(ctx, self.label).await
    }
}

async fn effect(ctx: &JobCtx, what: String) -> Result<()> {
    let what = Arc::new(what);
    let write = store::work(move |tx| {
        let what = what.clone();
        Box::pin(async move { take_effect(tx, &what).await })
    });
    ctx.write(write).await
}

/// A provider that only the next release handles.
struct Kiosk;

#[async_trait]
impl EventHandler for Kiosk {
    fn name(&self) -> &'static str {
        "kiosk"
    }

    fn routing(&self, _event: &Event) -> Result<Routing> {
        Ok(Routing::System)
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<engine::Applied> {
        take_effect(ctx.tx, &event.external_id).await?;
        Ok(engine::Applied::Done)
    }
}

/// A node of the next release on the same database. It has no handler for the shop any more.
async fn next_release(app: &App, database: &TestDb) -> App {
    let mut handlers = Handlers::new();
    handlers.job::<NextErrand>().job::<Parcel>().on("kiosk", Arc::new(Kiosk));
    app.node_with(database, 2, handlers).await
}

fn next_errand(label: &str) -> NewJob {
    NewJob::new(&NextErrand { label: label.to_owned() }).expect("it succeeds")
}

fn parcel(label: &str) -> NewJob {
    NewJob::new(&Parcel { label: label.to_owned() }).expect("it succeeds")
}

#[tokio::test]
async fn what_only_the_other_release_knows_waits_for_it_and_is_shown() {
    both(|database| async move {
        let old = shop(&database).await;
        let new = next_release(&old, &database).await;
        old.deliver("kiosk", order("newspaper", How::Well)).await.unwrap();
        old.deliver("shop", order("bread", How::Well)).await.unwrap();
        let higher = old.enqueue(|| next_errand("higher version")).await.unwrap();
        let unknown = old.enqueue(|| parcel("unknown kind")).await.unwrap();
        old.enqueue(|| errand("known", How::Well)).await.unwrap();
        old.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["bread", "known"]);
        for job in [&higher, &unknown] {
            let row = old.job(job).await;
            assert_eq!((row.status.as_str(), row.attempts, row.error), ("unhandled", 0, None));
        }
        assert_eq!((old.count("unhandled").await, old.count("processed").await), (1, 1));
        // The newer one is back: everything is done, by itself.
        new.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["bread", "higher version", "known", "newspaper", "unknown kind"]);
        // And in the other direction.
        new.deliver("shop", order("milk", How::Well)).await.unwrap();
        new.enqueue(|| errand("lower version", How::Well)).await.unwrap();
        new.run_jobs().await;
        assert_eq!(new.count("unhandled").await, 1);
        old.run_jobs().await;
        let done = effects(&database).await;
        assert_eq!(done[5..], ["lower version", "milk"]);
        assert!(old.jobs().await.iter().all(|job| job.status == "processed"));
        assert_eq!(old.count("processed").await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_another_living_node_knows_is_left_to_it_and_is_in_nobodys_way() {
    both(|database| async move {
        let old = shop(&database).await;
        let new = next_release(&old, &database).await;
        // The new one lives, and does nothing yet.
        database
            .execute(
                "insert into nodes (name, release, started_ms, lease_until_ms, knows)
                 values ('new', '2', 0, 9000000000000000, '{\"jobs\": {\"parcel\": 1}}')",
            )
            .await;
        for turn in 0..1100 {
            old.enqueue(move || parcel(&format!("parcel {turn}"))).await.unwrap();
        }
        old.enqueue(|| errand("known", How::Well)).await.unwrap();
        old.run_jobs().await;
        assert_eq!(effects(&database).await, ["known"]);
        assert!(old.jobs().await.iter().all(|job| job.status != "unhandled"));
        new.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 1101);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_known_holds_back_what_comes_after_it_in_its_lane() {
    both(|database| async move {
        let old = shop(&database).await;
        let new = next_release(&old, &database).await;
        old.enqueue(|| parcel("first").lane("a")).await.unwrap();
        old.enqueue(|| errand("second", How::Well).lane("a")).await.unwrap();
        old.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        new.run_jobs().await;
        old.run_jobs().await;
        assert_eq!(effects(&database).await, ["first", "second"]);
    })
    .await;
}

#[tokio::test]
async fn what_no_node_knows_can_be_cancelled() {
    both(|database| async move {
        let old = shop(&database).await;
        let job = old.enqueue(|| parcel("unknown kind")).await.unwrap();
        old.run_jobs().await;
        engine::cancel_job(&old.db, &old.world, &job).await.unwrap();
        assert_eq!(old.job(&job).await.status, "cancelled");
    })
    .await;
}
