//! Nobody waits for a poll: who enqueues wakes the workers, on every node.

use std::{future::Future, time::Duration};

use testkit::{App, both, hours, postgres};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::{How, effects, errand, order, shop};

/// With a poll of an hour, only a wake-up makes anything run.
fn start(app: &App) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (tell, stop) = watch::channel(false);
    let runner = app.runner.clone();
    (tell, tokio::spawn(async move { runner.run(stop).await }))
}

/// Waits until it is true. The bound only ends a test that would never end.
async fn until<F: Future<Output = bool>>(is_true: impl Fn() -> F) {
    let waiting = async {
        while !is_true().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it becomes true");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_handled_without_waiting_for_a_poll() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.poll = hours(1));
        let (tell, node) = start(&app);
        for turn in 0..20 {
            app.deliver("shop", order(&format!("event {turn}"), How::Well)).await.unwrap();
            app.enqueue(move || errand(format!("job {turn}"), How::Well)).await;
            until(|| async { effects(&database).await.len() == 2 * (turn + 1) }).await;
        }
        tell.send(true).unwrap();
        node.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_one_node_enqueues_wakes_the_workers_of_another() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let worker = app.node(&database, 2).await.with_workers(|workers| workers.poll = hours(1));
        let (tell, node) = start(&worker);
        for turn in 0..20 {
            // The first may come before the worker listens.
            app.enqueue(move || errand(format!("job {turn}"), How::Well)).await;
            until(|| async { effects(&database).await.len() == turn + 1 }).await;
        }
        tell.send(true).unwrap();
        node.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_its_line_to_the_others_looks_for_what_it_missed() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let worker = app.node(&database, 2).await.with_workers(|workers| workers.poll = hours(1));
        let (tell, node) = start(&worker);
        app.enqueue(|| errand("before", How::Well)).await;
        until(|| async { effects(&database).await.len() == 1 }).await;
        let mut hand = database.by_hand().await;
        hand.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query like 'LISTEN%'",
        )
        .await;
        app.enqueue(|| errand("after", How::Well)).await;
        until(|| async { effects(&database).await.len() == 2 }).await;
        tell.send(true).unwrap();
        node.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_over_its_share_goes_on_as_soon_as_its_own_work_ends() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| {
            workers.poll = hours(1);
            workers.held = 8;
        });
        let loud = app.organization();
        for _ in 0..60 {
            let loud = loud.clone();
            app.enqueue(move || errand("loud", How::Well).of(&loud)).await;
        }
        let (tell, node) = start(&app);
        until(|| async { effects(&database).await.len() == 60 }).await;
        tell.send(true).unwrap();
        node.await.unwrap();
    })
    .await;
}
