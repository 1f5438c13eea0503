//! Who lives is decided by the database's clock, never by those of nodes.

use std::{sync::Arc, time::Duration};

use engine::{Handlers, Runner, RunnerOptions, World};
use store::Db;
use testkit::{App, Node, TestClock, TestDb, TestRandom, hours, postgres, seconds};
use tokio::sync::watch;

use crate::{
    crash::settled,
    shop::{How, effects, errand, gate, register, shop},
};

/// Long enough that a busy machine does not miss it, short enough to wait for a few of them.
const LEASE: Duration = seconds(2);

/// A node whose clock is ahead of that of `app`.
async fn node_ahead(app: &App, database: &TestDb, seed: u64, ahead: Duration) -> Node {
    let node = Node::start();
    let (clock, options, engine) = (TestClock::at(app.world.now() + ahead), database.options(), database.engine());
    node.spawn(async move {
        let db = Db::open(&options).await.expect("the database opens");
        let world = World::new(Arc::new(clock), Arc::new(TestRandom::new(seed)));
        let mut handlers = Handlers::new();
        register(&mut handlers);
        let (tell, stop) = watch::channel(false);
        let options = RunnerOptions { lease: LEASE, ..RunnerOptions::new(engine) };
        Runner::new(db, world, handlers, options).unwrap().run(stop).await;
        drop(tell);
    });
    node
}

async fn registered(database: &TestDb, count: i64) {
    while database.number("select count(*) as n from nodes").await != count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lives_an_hour_ahead_takes_nothing_from_the_others() {
    postgres(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.lease = LEASE);
        app.enqueue(|| errand("held by who is in time", How::Waits)).await;
        let (tell, stop) = watch::channel(false);
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        gate("held by who is in time").arrival().await;
        let ahead = node_ahead(&app, &database, 2, hours(1)).await;
        registered(&database, 2).await;
        // It has watched for longer than a lease, and would have reaped.
        tokio::time::sleep(LEASE * 2).await;
        assert_eq!(database.number("select starts as n from jobs").await, 1);
        assert_eq!(gate("held by who is in time").arrivals(), 0);
        gate("held by who is in time").open();
        settled(&database).await;
        assert_eq!(effects(&database).await, ["held by who is in time"]);
        tell.send(true).unwrap();
        running.await.unwrap();
        ahead.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_held_that_died_two_hours_ahead_is_taken_over_although_nobody_elses_clock_moves() {
    postgres(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.lease = LEASE);
        app.enqueue(|| errand("held by who is ahead", How::WaitsOnce)).await;
        let ahead = node_ahead(&app, &database, 2, hours(2)).await;
        gate("held by who is ahead").arrival().await;
        let (tell, stop) = watch::channel(false);
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        registered(&database, 2).await;
        ahead.kill().await;
        settled(&database).await;
        assert_eq!(effects(&database).await, ["held by who is ahead"]);
        registered(&database, 1).await;
        tell.send(true).unwrap();
        running.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_taken_for_dead_cuts_off_what_it_ran_and_comes_back_under_another_number() {
    postgres(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.lease = LEASE);
        app.enqueue(|| errand("cut off", How::Waits)).await;
        let (tell, stop) = watch::channel(false);
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        gate("cut off").arrival().await;
        let before = database.number("select node as n from nodes").await;
        // As after a pause of the process that was longer than its lease: another node has removed it.
        database.execute("delete from nodes").await;
        registered(&database, 1).await;
        assert!(database.number("select node as n from nodes").await > before);
        // It takes back what it held under its former number as anybody would, and runs it again: once.
        gate("cut off").arrival().await;
        gate("cut off").open();
        gate("cut off").open();
        settled(&database).await;
        assert_eq!(effects(&database).await, ["cut off"]);
        tell.send(true).unwrap();
        running.await.unwrap();
    })
    .await;
}
