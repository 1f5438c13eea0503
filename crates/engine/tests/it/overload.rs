//! More than the disk takes, or no disk at all: the sender is told to come back, and nothing is lost or half done.

use std::sync::Arc;

use engine::{Handlers, Inbox, InboxOptions, Intake, Runner, RunnerOptions};
use futures_util::future::join_all;
use kernel::{Code, Retry};
use testkit::{App, both, milliseconds, minutes, postgres};
use tokio::sync::watch;

use crate::shop::{How, effects, errand, order, register, shop};

#[tokio::test]
async fn when_more_bytes_wait_than_the_inbox_may_hold_the_sender_is_told_to_come_back() {
    both(|database| async move {
        let app = shop(&database).await;
        // Room for two of these events, and for forty small ones.
        let options = InboxOptions { buffer: 300_000, batch: 1, ..InboxOptions::default() };
        let inbox = Inbox::start(&database.db, &app.world, options);
        let large = |turn: i32| testkit::event(format!("large {turn}"), "Well", vec![b' '; 140_000]);
        let answers = join_all((0..40).map(|turn| inbox.accept(app.delivery("shop", vec![large(turn)])))).await;
        let (kept, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((kept.len(), refused.len()), (2, 38));
        for error in refused.into_iter().filter_map(Result::err) {
            assert_eq!((error.code, error.tag), (Code::Unavailable, "inbox_full"));
            assert!(matches!(error.retry(), Retry::After(_)));
        }
        // What was written no longer takes memory.
        let small =
            join_all((0..40).map(|turn| inbox.accept(app.delivery("shop", vec![order(&turn.to_string(), How::Well)]))));
        assert!(small.await.into_iter().all(|answer| answer.is_ok()));
        // An event that is larger than all of the memory is taken when nothing else waits.
        let huge = testkit::event("huge", "Well", vec![b' '; 1_000_000]);
        assert!(inbox.accept(app.delivery("shop", vec![huge])).await.is_ok());
        assert_eq!(app.events().await.len(), 43);
    })
    .await;
}

#[tokio::test]
async fn without_a_database_the_sender_is_told_to_come_back() {
    both(|database| async move {
        let app = shop(&database).await;
        let db = database.open().await;
        let inbox = Inbox::start(&db, &app.world, InboxOptions::default());
        db.close().await;
        let error = inbox.accept(app.delivery("shop", vec![order("1", How::Well)])).await.err().unwrap();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "database_down"));
        assert!(matches!(error.retry(), Retry::After(_)));
        assert!(app.deliver("shop", order("1", How::Well)).await.unwrap().fresh);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_written_yet_is_written_when_the_database_is_back() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let mut options = database.options();
        options.statement_timeout = milliseconds(100);
        let db = database.open_with(&options).await;
        let mut handlers = Handlers::new();
        register(&mut handlers);
        let runner = Runner::new(db.clone(), app.world.clone(), handlers, RunnerOptions::new(db.engine())).unwrap();
        let job = app.enqueue(|| errand("end_not_written", How::Waits)).await.unwrap();
        let gate = crate::shop::gate("end_not_written");
        let running = tokio::spawn(async move { runner.run_until_idle().await });
        gate.arrival().await;
        let mut hand = database.by_hand().await;
        hand.run("begin; lock table jobs in exclusive mode").await;
        gate.open();
        // The job's own write checks its claim, so that it fails, and that failure cannot be written either.
        hand.run("select pg_sleep(0.3); rollback").await;
        running.await.unwrap();
        assert_eq!(app.job(&job).await.status, "pending");
        gate.open();
        app.clock.advance(minutes(5));
        app.run_jobs().await;
        assert_eq!(app.job(&job).await.status, "processed");
        assert_eq!(effects(&database).await, ["end_not_written"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_stop_in_time_although_the_database_is_gone() {
    both(|database| async move {
        let app: App = shop(&database).await;
        let db = database.open().await;
        let name = format!("database_gone_{:?}", database.engine());
        let mut options = RunnerOptions::new(db.engine());
        options.drain = milliseconds(50);
        let runner = Runner::new(db.clone(), app.world.clone(), app.handlers.clone(), options).unwrap();
        let (tell, stop) = watch::channel(false);
        let running = tokio::spawn(async move { runner.run(stop).await });
        let hanging = Arc::new(name.clone());
        app.enqueue(move || errand(&**hanging, How::Hangs)).await.unwrap();
        db.wake();
        crate::shop::gate(&name).arrival().await;
        db.close().await;
        tell.send(true).unwrap();
        running.await.unwrap();
    })
    .await;
}
