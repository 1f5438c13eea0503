//! Stopping: what runs may finish, what has not begun is another node's at once.

use testkit::{App, TestDb, both, hours, milliseconds};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::{How, errand, gate, order, shop, sorted_effects};

fn start(app: &App) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (tell, stop) = watch::channel(false);
    let runner = app.runner.clone();
    (tell, tokio::spawn(async move { runner.run(stop).await }))
}

async fn number_ready(database: &TestDb) -> i64 {
    database.number("select count(*) as n from jobs where state = 'ready' and claim is null and starts = 0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_finishes_and_the_rest_is_given_back_at_once() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.concurrency = 1);
        let name = format!("drain {:?}", database.engine());
        let running = gate(&name);
        app.enqueue(move || errand(&name, How::Waits)).await;
        let (tell, node) = start(&app);
        running.arrival().await;
        for turn in 0..10 {
            app.enqueue(move || errand(format!("rest {turn}"), How::Well)).await;
        }
        while number_ready(&database).await > 9 {
            tokio::task::yield_now().await;
        }
        // It holds two, and has begun one: what is more, another node could begin sooner.
        tell.send(true).unwrap();
        while number_ready(&database).await < 10 {
            tokio::task::yield_now().await;
        }
        assert!(!node.is_finished());
        running.open();
        node.await.unwrap();
        let next = app.node(&database, 2).await;
        next.run_jobs().await;
        assert_eq!(sorted_effects(&database).await.len(), 11);
        assert!(next.jobs().await.iter().all(|job| job.status == "processed" && job.attempts == 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_cut_and_done_by_another_node() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.drain = milliseconds(20));
        let name = format!("drain in time {:?}", database.engine());
        let here = gate(&name);
        let job = app.enqueue(move || errand(&name, How::Waits)).await.unwrap();
        let (tell, node) = start(&app);
        here.arrival().await;
        tell.send(true).unwrap();
        node.await.unwrap();
        assert_eq!(app.job(&job).await.status, "pending");
        assert_eq!(number_ready(&database).await, 1);
        // The first run is over: it does not come back when its gate opens.
        here.open();
        let next = app.node(&database, 2).await;
        next.run_jobs().await;
        assert_eq!(sorted_effects(&database).await.len(), 1);
        assert_eq!(app.job(&job).await.status, "processed");
    })
    .await;
}

#[tokio::test]
async fn events_that_cannot_be_read_now_are_given_back_and_handled_when_they_can() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.poll = milliseconds(1));
        app.deliver_all("shop", vec![order("1", How::Well), order("2", How::Well)]).await.unwrap();
        let mut hand = database.by_hand().await;
        hand.run("alter table inbox_events rename to elsewhere").await;
        app.run_jobs().await;
        assert_eq!(number_ready(&database).await, 2);
        hand.run("alter table elsewhere rename to inbox_events").await;
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["1", "2"]);
        assert!(app.events().await.iter().all(|event| event.status == "processed" && event.attempts == 1));
    })
    .await;
}

#[tokio::test]
async fn workers_whose_stop_signal_is_gone_stop() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.poll = hours(1));
        let (tell, node) = start(&app);
        drop(tell);
        node.await.unwrap();
    })
    .await;
}
