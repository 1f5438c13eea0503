//! What a claim costs, whatever the queue's length. Measured by hand, since a test asserts nothing about time:
//! `cargo test --release -p engine --test it -- --ignored --nocapture cost`.

use std::time::{Duration, Instant};

use store::Engine;
use testkit::{App, TestDb, both};
use tokio::sync::watch;

use crate::shop::shop;

/// Jobs that are done in one measurement: some forty claims.
const DONE: i64 = 1000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: it says how long things took"]
async fn a_job_out_of_five_hundred_thousand_costs_what_one_out_of_five_thousand_does() {
    both(|database| async move {
        let app = shop(&database).await;
        for ranks in ["g * 1000", "1"] {
            // The first measurement warms everything up.
            for open in [5000, 5000, 500_000] {
                fill(&database, open, ranks).await;
                // Workers run once.
                let node = app.clone().with_workers(|workers| workers.concurrency = 12);
                let time = time(&node, &database).await;
                show(database.engine(), open, ranks, time);
            }
        }
    })
    .await;
}

/// So many ready jobs of ten thousand tenants.
async fn fill(database: &TestDb, open: i64, ranks: &str) {
    let numbers = match database.engine() {
        Engine::Sqlite => format!("with recursive s (g) as (select 1 union all select g + 1 from s where g < {open})"),
        Engine::Postgres => format!("with s (g) as (select generate_series(1, {open}))"),
    };
    let mut hand = database.by_hand().await;
    hand.run("delete from jobs").await;
    hand.run(&format!(
        "insert into jobs (kind, version, tenant, state, rank, max_attempts, created_ms, payload)
         {numbers} select 'errand', 2, 'org_' || (g % 10000), 'ready', {ranks}, 4, 0, '{{\"name\":\"a\"}}' from s"
    ))
    .await;
    if database.engine() == Engine::Postgres {
        hand.run("vacuum analyze jobs").await;
    }
}

/// How long it takes until so many are done.
async fn time(app: &App, database: &TestDb) -> Duration {
    let (tell, stop) = watch::channel(false);
    let (runner, began) = (app.runner.clone(), Instant::now());
    let running = tokio::spawn(async move { runner.run(stop).await });
    // The number comes from an index: nothing here reads the whole queue.
    while database.number("select count(*) as n from jobs where kind <> 'event' and finished_ms is not null").await
        < DONE
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let time = began.elapsed();
    tell.send(true).expect("the workers listen");
    running.await.expect("the workers stop");
    time
}

#[expect(clippy::print_stderr, reason = "a measurement is shown")]
fn show(engine: Engine, open: i64, ranks: &str, time: Duration) {
    eprintln!("{engine:?}: {DONE} of {open} jobs, ranks {ranks}: {time:?}");
}
