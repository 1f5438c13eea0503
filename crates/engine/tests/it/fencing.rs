//! A node that stalls past its lease is too late: what another node has done meanwhile is not done twice.

use testkit::{App, TestDb, postgres, seconds};
use tokio::sync::watch;

use crate::{
    crash::taken_over,
    shop::{How, effects, errand, gate, order, shop},
};

/// The shop on a node that does not come to its next heartbeat for as long as a test takes, and another node.
async fn two_nodes(database: &TestDb) -> (App, App) {
    let app = shop(database).await;
    let other = app.node(database, 2).await;
    (app.with_workers(|workers| workers.lease = seconds(3600)), other)
}

/// The other node takes over what the stalled one held.
async fn take_over(app: &App, database: &TestDb) {
    taken_over(app, database).await;
    let (tell, stop) = watch::channel(false);
    let runner = app.runner.clone();
    let running = tokio::spawn(async move { runner.run(stop).await });
    while database_busy(app).await {
        tokio::task::yield_now().await;
    }
    tell.send(true).expect("the node listens");
    running.await.expect("the node stops");
}

async fn database_busy(app: &App) -> bool {
    app.events().await.iter().any(|event| event.status == "pending")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transaction_of_a_node_that_lost_its_claim_is_undone() {
    postgres(|database| async move {
        let (app, other) = two_nodes(&database).await;
        let name = "fenced event";
        app.deliver("shop", order(name, How::WaitsOnce)).await.unwrap();
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(name).arrival().await;
        take_over(&other, &database).await;
        assert_eq!(effects(&database).await, [name]);
        gate(name).open();
        stalled.await.unwrap();
        assert_eq!(effects(&database).await, [name]);
        let events = app.events().await;
        assert_eq!((events[0].status.as_str(), events[0].attempts), ("processed", 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_job_does_not_end_or_restart_what_another_node_ended() {
    postgres(|database| async move {
        let (app, other) = two_nodes(&database).await;
        let name = "fenced job";
        let job = app.enqueue(move || errand(name, How::Waits)).await.unwrap();
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(name).arrival().await;
        taken_over(&other, &database).await;
        let (tell, stop) = watch::channel(false);
        let runner = other.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        gate(name).arrival().await;
        gate(name).open();
        gate(name).open();
        stalled.await.unwrap();
        while other.job(&job).await.status != "processed" {
            tokio::task::yield_now().await;
        }
        tell.send(true).unwrap();
        running.await.unwrap();
        // The job ran twice, and the run that had lost its claim wrote nothing.
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts, row.error), ("processed", 1, None));
        assert_eq!(effects(&database).await, [name]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_comes_too_late_changes_nothing() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let name = "fenced failure";
        let event = app.deliver("shop", order(name, How::WaitsOnce)).await.unwrap();
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(name).arrival().await;
        // Another node has taken it over and ended it.
        database.execute("update jobs set state = 'processed', rank = null, claim = null, node = null").await;
        gate(name).open();
        stalled.await.unwrap();
        let row = app.event(&event.id).await;
        assert_eq!((row.status.as_str(), row.error), ("processed", None));
        assert_eq!(effects(&database).await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_claim_the_rest_of_its_lane_waits_for_the_new_owner() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let name = "fenced lane";
        let (first, second) = (order(name, How::WaitsOnce), order("second in the fenced lane", How::Well));
        app.deliver_all("shop", vec![first.in_lane(Some("a")), second.in_lane(Some("a"))]).await.unwrap();
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(name).arrival().await;
        // The head is another node's now.
        database.execute("update jobs set claim = 77, node = 77 where seq = (select min(seq) from jobs)").await;
        gate(name).open();
        stalled.await.unwrap();
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(app.count("pending").await, 2);
    })
    .await;
}
