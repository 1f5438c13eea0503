//! What jobs share over all nodes: limits, paces and waits; and what a feature does with a job that has not run yet.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use engine::{Handlers, Job, JobCtx, JobId, JobKey, NewJob, Throttle, snooze};
use kernel::{Code, Error, Result, Scope, Time};
use serde::{Deserialize, Serialize};
use store::Engine;
use testkit::{App, TestDb, both, hours, milliseconds, minutes, seconds};

use crate::{
    crash::{process, settled},
    shop::{How, effects, errand, gate, register, shop, take_effect},
};

/// A job of which only two run at a time, whatever limits they name.
#[derive(Serialize, Deserialize)]
struct Pair {
    name: String,
}

#[async_trait]
impl Job for Pair {
    const NAME: &'static str = "pair";
    const AT_ONCE: Option<u32> = Some(2);

    async fn run(self, _ctx: &JobCtx) -> Result<()> {
        gate(&self.name).pass().await;
        Ok(())
    }
}

/// A job that hangs, and may not.
#[derive(Serialize, Deserialize)]
struct Hanging {
    name: String,
}

#[async_trait]
impl Job for Hanging {
    const NAME: &'static str = "hanging";
    const TIMEOUT: Duration = Duration::from_millis(20);
    const MAX_ATTEMPTS: i64 = 2;

    async fn run(self, _ctx: &JobCtx) -> Result<()> {
        gate(&self.name).pass().await;
        Ok(())
    }
}

/// A call to a vendor that says how it goes.
#[derive(Serialize, Deserialize)]
struct Call {
    name: String,
    answer: Answer,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Answer {
    Well,
    /// The first attempt snoozes for an hour, or is told to wait that long; the next one goes well.
    Snooze,
    Wait,
}

#[async_trait]
impl Job for Call {
    const NAME: &'static str = "call";
    const MAX_ATTEMPTS: i64 = 1;

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let name = Arc::new(self.name);
        let first = store::work({
            let name = name.clone();
            move |tx| {
                let name = name.clone();
                Box::pin(async move {
                    let seen = tx.system("select t from effects where t = $1").bind(&*name).row().await?;
                    take_effect(tx, &name).await?;
                    Ok(seen.is_none())
                })
            }
        });
        let first = ctx.write(first).await?;
        match self.answer {
            Answer::Snooze if first => Err(snooze(hours(1))),
            Answer::Wait if first => {
                Err(Error::new(Code::RateLimited, "slow_down", "come back in an hour").retry_after(hours(1)))
            }
            Answer::Snooze | Answer::Wait | Answer::Well => Ok(()),
        }
    }
}

async fn office(database: &TestDb) -> App {
    let register = |handlers: &mut Handlers| {
        register(handlers);
        handlers.job::<Pair>().job::<Hanging>().job::<Call>();
    };
    App::with_tables(database, &crate::shop::TABLES, register).await
}

fn call(name: &str, answer: Answer) -> NewJob {
    NewJob::new(&Call { name: name.to_owned(), answer }).expect("it succeeds")
}

async fn running(database: &TestDb) -> i64 {
    database.number("select count(*) as n from jobs where state = 'running'").await
}

/// Two nodes at work; on SQLite one, because only one process serves a file.
async fn at_work(app: &App, database: &TestDb) -> Vec<tokio::task::JoinHandle<()>> {
    let mut nodes = vec![app.runner.clone()];
    if database.engine() == Engine::Postgres {
        nodes.push(app.node(database, 2).await.runner);
    }
    let work = |runner: engine::Runner| tokio::spawn(async move { runner.run_until_idle().await });
    nodes.into_iter().map(work).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_jobs_of_a_limit_run_at_a_time_than_it_allows_on_all_nodes_together() {
    both(|database| async move {
        let app = office(&database).await;
        let name = format!("at_once {:?}", database.engine());
        for _ in 0..10 {
            let name = name.clone();
            app.enqueue(move || errand(&name, How::Waits).throttle(Throttle::new("phone 1").at_once(3))).await;
        }
        let met = gate(&name);
        let nodes = at_work(&app, &database).await;
        for turn in 0..10 {
            met.arrival().await;
            assert!(running(&database).await <= 3, "in turn {turn}");
            met.open();
        }
        for node in nodes {
            node.await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_and_the_limits_of_its_jobs_both_hold() {
    both(|database| async move {
        let app = office(&database).await;
        let name = format!("pair {:?}", database.engine());
        for turn in 0..6 {
            let name = name.clone();
            let pair = move || NewJob::new(&Pair { name: name.clone() }).unwrap();
            // Three of one phone, of which one may run; three of none.
            let throttled =
                move || if turn < 3 { pair().throttle(Throttle::new("phone 2").at_once(1)) } else { pair() };
            app.enqueue(throttled).await;
        }
        let met = gate(&name);
        let runner = app.runner.clone();
        let node = tokio::spawn(async move { runner.run_until_idle().await });
        met.arrival().await;
        met.arrival().await;
        assert_eq!(running(&database).await, 2);
        for _ in 0..6 {
            met.open();
        }
        node.await.unwrap();
        app.run_jobs().await;
        assert!(app.jobs().await.iter().all(|job| job.status == "processed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_places_of_a_process_that_died_come_back() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("places {:?}", database.engine());
        for _ in 0..3 {
            let name = name.clone();
            app.enqueue(move || errand(&name, How::WaitsOnce).throttle(Throttle::new("phone 3").at_once(2))).await;
        }
        let node = process(&app, &database, 2, database.options()).await;
        gate(&name).arrival().await;
        node.kill().await;
        app.clock.advance(seconds(60));
        let next = process(&app, &database, 3, database.options()).await;
        settled(&database).await;
        next.kill().await;
        assert!(app.jobs().await.iter().all(|job| job.status == "processed"));
    })
    .await;
}

#[tokio::test]
async fn a_pace_is_shared_by_all_nodes_and_holds_up_nobody_else() {
    both(|database| async move {
        let app = office(&database).await;
        let other = app.node(&database, 2).await;
        let limit = || Throttle::new("phone 4").rate(10, seconds(1));
        for _ in 0..30 {
            app.enqueue(move || call("paced", Answer::Well).throttle(limit())).await;
        }
        app.enqueue(|| call("other", Answer::Well)).await;
        app.enqueue(|| call("other", Answer::Well).throttle(Throttle::new("phone 5").rate(10, seconds(1)))).await;
        let mut done = Vec::new();
        for _ in 0..30 {
            app.run_jobs().await;
            other.run_jobs().await;
            done.push(effects(&database).await.iter().filter(|effect| *effect == "paced").count());
            app.clock.advance(milliseconds(100));
        }
        assert_eq!(done, (1..=30).collect::<Vec<_>>());
        assert_eq!(effects(&database).await.iter().filter(|effect| *effect == "other").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_vendor_that_says_wait_delays_its_own_key_alone_and_costs_no_attempt() {
    both(|database| async move {
        let app = office(&database).await;
        let limit = |name: &'static str| Throttle::new(name).at_once(1);
        let told = app.enqueue(move || call("told", Answer::Wait).throttle(limit("phone 6"))).await.unwrap();
        app.enqueue(move || call("behind it", Answer::Well).throttle(limit("phone 6"))).await;
        app.enqueue(move || call("another phone", Answer::Well).throttle(limit("phone 7"))).await;
        app.run_jobs().await;
        let mut done = effects(&database).await;
        done.sort();
        assert_eq!(done, ["another phone", "told"]);
        let row = app.job(&told).await;
        assert_eq!((row.status.as_str(), row.attempts), ("pending", 0));
        app.clock.advance(minutes(59));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 2);
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 4);
        assert_eq!(app.job(&told).await.status, "processed");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_snoozes_runs_again_at_no_attempt() {
    both(|database| async move {
        let app = office(&database).await;
        // It has one attempt.
        let job = app.enqueue(|| call("snoozed", Answer::Snooze)).await.unwrap();
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts, row.error), ("pending", 0, None));
        assert_eq!(row.next_at, Some(app.world.now() + hours(1)));
        app.clock.advance(hours(1));
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("processed", 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_hangs_fails_as_that_job_and_frees_its_slot() {
    both(|database| async move {
        let app = office(&database).await.with_workers(|workers| workers.concurrency = 1);
        let name = format!("hanging {:?}", database.engine());
        let here = name.clone();
        let hanging = move || NewJob::new(&Hanging { name: here.clone() }).unwrap().lane("a");
        let job = app.enqueue(hanging).await.unwrap();
        app.enqueue(|| errand("beside it", How::Well)).await;
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("pending", 1));
        assert!(row.error.unwrap().contains("timed_out"));
        assert_eq!(effects(&database).await, ["beside it"]);
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(app.job(&job).await.status, "dead");
    })
    .await;
}

async fn reschedule(app: &App, key: &JobKey, at: Time) -> bool {
    let (world, key) = (app.world.clone(), key.clone());
    let write = store::work(move |tx| {
        let (world, key) = (world.clone(), key.clone());
        Box::pin(async move { engine::reschedule(tx, &world, &key, at).await })
    });
    app.db.write(&Scope::System, write).await.expect("the call succeeds")
}

async fn cancel(app: &App, key: &JobKey) -> bool {
    let (world, key) = (app.world.clone(), key.clone());
    let write = store::work(move |tx| {
        let (world, key) = (world.clone(), key.clone());
        Box::pin(async move { engine::cancel(tx, &world, &key).await })
    });
    app.db.write(&Scope::System, write).await.expect("the call succeeds")
}

async fn reminder(app: &App, at: Time) -> Option<JobId> {
    app.enqueue(move || call("reminder", Answer::Well).key("appointment 7").at(at)).await
}

#[tokio::test]
async fn a_job_is_moved_and_cancelled_by_its_key_until_it_has_begun() {
    both(|database| async move {
        let app = office(&database).await;
        let (key, start) = (JobKey::new::<Call>("appointment 7"), app.world.now());
        assert!(!reschedule(&app, &key, start).await, "there is none yet");
        reminder(&app, start + hours(2)).await.unwrap();
        assert!(reschedule(&app, &key, start + hours(5)).await);
        app.clock.advance(hours(4));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        assert!(cancel(&app, &key).await);
        app.clock.advance(hours(4));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, [""; 0]);
        // The key is free again.
        reminder(&app, start).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["reminder"]);
        assert!(!reschedule(&app, &key, start).await && !cancel(&app, &key).await, "it has ended");
    })
    .await;
}

#[tokio::test]
async fn a_key_belongs_to_an_organization() {
    both(|database| async move {
        let app = office(&database).await;
        let (ours, theirs) = (app.organization(), app.organization());
        for organization in [ours.clone(), theirs.clone()] {
            let job = move || call("reminder", Answer::Well).key("appointment 7").of(&organization);
            assert!(app.enqueue(job).await.is_some());
        }
        assert!(cancel(&app, &JobKey::new::<Call>("appointment 7").of(&ours)).await);
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["reminder"]);
    })
    .await;
}
