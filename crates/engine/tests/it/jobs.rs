//! Jobs: run until they are done, at their time, and never forgotten.

use engine::{JobId, cancel_job, retry_job};
use kernel::{Code, Time};
use testkit::{both, hours, milliseconds, minutes, seconds};

use crate::shop::{How, effects, errand, gate, heal, order, shop};

#[tokio::test]
async fn a_job_runs_once() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Well)).await.unwrap();
        assert_eq!(app.job(&job).await.status, "pending");
        app.run_jobs().await;
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts, row.finished_at), ("processed", 1, Some(app.world.now())));
        assert_eq!(effects(&database).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_delayed_job_runs_at_its_time_and_not_before() {
    both(|database| async move {
        let app = shop(&database).await;
        let at = app.world.now() + hours(1);
        let job = app.enqueue(move || errand("later", How::Well).at(at)).await.unwrap();
        app.run_jobs().await;
        app.clock.advance(minutes(59));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(app.job(&job).await.next_at, Some(at));
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["later"]);
    })
    .await;
}

#[tokio::test]
async fn a_failing_job_is_tried_again_with_growing_waits_and_then_given_up_with_its_error() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Fails)).await.unwrap();
        let mut wait = seconds(1);
        for attempt in 1..4 {
            let failed_at = app.world.now();
            app.run_jobs().await;
            let row = app.job(&job).await;
            assert_eq!((row.status.as_str(), row.attempts), ("pending", attempt));
            assert!(row.error.unwrap().contains("the shop is closed"));
            let next = row.next_at.unwrap();
            assert!(next >= failed_at + wait && next <= failed_at + wait * 5 / 4, "{attempt}: {}", next.ms());
            app.clock.set(Time::from_ms(next.ms() - 1));
            app.run_jobs().await;
            assert_eq!(app.job(&job).await.attempts, attempt, "not before its time");
            app.clock.advance(milliseconds(1));
            wait *= 2;
        }
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 4));
        assert_eq!(effects(&database).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_failed_together_does_not_come_back_together() {
    both(|database| async move {
        let app = shop(&database).await;
        for name in ["a", "b", "c", "d", "e", "f"] {
            app.enqueue(move || errand(name, How::Fails)).await;
        }
        app.run_jobs().await;
        let mut next: Vec<_> = app.jobs().await.iter().map(|job| job.next_at.unwrap()).collect();
        next.dedup();
        assert!(next.len() > 3, "{next:?}");
    })
    .await;
}

#[tokio::test]
async fn an_error_that_cannot_heal_is_not_tried_again() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Broken)).await.unwrap();
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 1));
        assert!(row.error.unwrap().contains("errand_broken"));
    })
    .await;
}

#[tokio::test]
async fn a_dead_job_is_retried_by_hand_with_all_its_attempts() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Fails)).await.unwrap();
        for _ in 0..4 {
            app.run_jobs().await;
            app.clock.advance(hours(2));
        }
        assert_eq!(app.job(&job).await.status, "dead");
        retry_job(&app.db, &app.world, &job).await.unwrap();
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts, row.error), ("pending", 0, None));
        heal(&database).await;
        app.run_jobs().await;
        assert_eq!(app.job(&job).await.status, "processed");
        assert_eq!(effects(&database).await, ["healed", "a"]);
    })
    .await;
}

#[tokio::test]
async fn only_what_was_given_up_or_cancelled_can_be_retried() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Well)).await.unwrap();
        let tag = |result: kernel::Result<()>| result.unwrap_err().tag;
        assert_eq!(tag(retry_job(&app.db, &app.world, &job).await), "job_pending");
        app.run_jobs().await;
        assert_eq!(tag(retry_job(&app.db, &app.world, &job).await), "job_done");
        assert_eq!(tag(retry_job(&app.db, &app.world, &JobId::new(999)).await), "job_unknown");
        let event = app.deliver("shop", order("1", How::Broken)).await.unwrap();
        app.run_jobs().await;
        assert_eq!(tag(retry_job(&app.db, &app.world, &JobId::new(event.id.seq())).await), "job_unknown");
        assert_eq!(effects(&database).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_job_does_not_run_until_it_is_retried() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Well)).await.unwrap();
        cancel_job(&app.db, &app.world, &job).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.job(&job).await.status, "cancelled");
        assert_eq!(cancel_job(&app.db, &app.world, &job).await.unwrap_err().code, Code::Conflict);
        retry_job(&app.db, &app.world, &job).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["a"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_runs_stays_cancelled() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("cancelled_{:?}", database.engine());
        let gate = gate(&name);
        let job = app.enqueue(move || errand(&name, How::Waits)).await.unwrap();
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run_until_idle().await });
        gate.arrival().await;
        cancel_job(&app.db, &app.world, &job).await.unwrap();
        assert_eq!(app.job(&job).await.status, "cancelling");
        gate.open();
        running.await.unwrap();
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("cancelled", 0));
        retry_job(&app.db, &app.world, &job).await.unwrap();
        gate.open();
        app.run_jobs().await;
        assert_eq!(app.job(&job).await.status, "processed", "it kept what it carries");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_runs_keeps_its_lane_until_its_run_has_ended() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("cancelled in its lane {:?}", database.engine());
        let gate = gate(&name);
        let job = app.enqueue(move || errand(&name, How::Waits).lane("a")).await.unwrap();
        app.enqueue(|| errand("next", How::Well).lane("a")).await.unwrap();
        let (runner, other) = (app.runner.clone(), app.node(&database, 2).await);
        let running = tokio::spawn(async move { runner.run_until_idle().await });
        gate.arrival().await;
        cancel_job(&app.db, &app.world, &job).await.unwrap();
        other.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0], "nothing runs beside what still runs");
        gate.open();
        running.await.unwrap();
        other.run_jobs().await;
        assert_eq!(effects(&database).await.last().unwrap(), "next");
        assert_eq!(app.job(&job).await.status, "cancelled");
    })
    .await;
}

#[tokio::test]
async fn a_job_with_a_key_is_there_once() {
    both(|database| async move {
        let app = shop(&database).await;
        assert!(app.enqueue(|| errand("a", How::Well).key("today")).await.is_some());
        assert!(app.enqueue(|| errand("b", How::Well).key("today")).await.is_none());
        assert!(app.enqueue(|| errand("c", How::Well).key("tomorrow")).await.is_some());
        app.run_jobs().await;
        assert!(app.enqueue(|| errand("d", How::Well).key("today")).await.is_none());
        app.run_jobs().await;
        let mut done = effects(&database).await;
        // Without a lane they run beside one another.
        done.sort();
        assert_eq!(done, ["a", "c"]);
    })
    .await;
}

#[tokio::test]
async fn a_payload_of_an_older_version_is_upgraded() {
    both(|database| async move {
        let app = shop(&database).await;
        app.enqueue(|| errand("new", How::Well)).await.unwrap();
        database.execute("update jobs set version = 1, payload = '{\"title\":\"old\"}'").await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["old"]);
    })
    .await;
}

#[tokio::test]
async fn a_delayed_job_is_not_early_because_it_is_urgent() {
    both(|database| async move {
        let app = shop(&database).await;
        let at = app.world.now() + hours(1);
        app.enqueue(move || errand("urgent", How::Well).at(at).urgent(hours(2))).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["urgent"]);
    })
    .await;
}

#[tokio::test]
async fn an_urgent_job_runs_before_what_has_not_waited_for_long() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| {
            workers.held = 1;
            workers.concurrency = 1;
        });
        app.enqueue(|| errand("long waiting", How::Well)).await;
        app.clock.advance(minutes(10));
        app.enqueue(|| errand("ordinary", How::Well)).await;
        app.clock.advance(seconds(1));
        app.enqueue(|| errand("urgent", How::Well).urgent(minutes(5))).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["long waiting", "urgent", "ordinary"]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_whose_text_no_database_stores_is_a_failure_like_any_other() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("nul\0 and \u{1b}[31m", How::Quotes)).await.unwrap();
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 1));
        assert!(row.error.unwrap().contains("nul\u{fffd} and \u{fffd}[31m"));
        assert_eq!(database.number("select starts as n from jobs").await, 0);
    })
    .await;
}
