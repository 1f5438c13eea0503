//! A process is killed before every statement, before every commit and after it, one after the other; whoever comes next
//! finds a state from which everything ends exactly once. Every step of claim, handler and end is one of these.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use engine::{Cron, Handlers, Inbox, InboxOptions, Intake, Runner, RunnerOptions, World};
use kernel::Scope;
use store::{Db, Failpoints, Options};
use testkit::{App, Node, TestDb, TestRandom, both, hours, seconds};
use tokio::sync::Semaphore;

use crate::{
    crash::{process, settled, taken_over},
    shop::{Errand, How, errand, heal, order, register, shop},
};

/// Stops a process at its step number `step`, counted from the first; tells whether it came so far.
#[derive(Clone)]
pub(crate) struct Stop {
    left: Arc<AtomicI64>,
    reached: Arc<Semaphore>,
}

impl Stop {
    pub(crate) fn at(step: i64) -> Self {
        Self { left: Arc::new(AtomicI64::new(step)), reached: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until it was stopped there.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.expect("nobody closes it").forget();
    }

    pub(crate) fn failpoints(&self) -> Failpoints {
        let stop = self.clone();
        Failpoints::new(move |_point| {
            let stop = stop.clone();
            Box::pin(async move {
                if stop.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
                    stop.reached.add_permits(1);
                    std::future::pending::<()>().await;
                }
            })
        })
    }
}

/// What a process has at hand.
struct Life {
    db: Db,
    world: World,
    runner: Runner,
}

/// Lets a process do `what` and kills it at this step. False when it ended before it came there.
async fn dies_at<F, Fut>(app: &App, database: &TestDb, step: i64, what: F) -> bool
where
    F: FnOnce(Life) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (node, stop, ended) = (Node::start(), Stop::at(step), Arc::new(Semaphore::new(0)));
    let options = Options { failpoints: stop.failpoints(), ..database.options() };
    let (clock, handlers, end) = (app.clock.clone(), app.handlers.clone(), ended.clone());
    let seed = 1000 + u64::try_from(step).expect("steps count from 0");
    node.spawn(async move {
        let db = Db::open(&options).await.expect("the database opens");
        let world = World::new(Arc::new(clock), Arc::new(TestRandom::new(seed)));
        let runner = Runner::new(db.clone(), world.clone(), handlers, RunnerOptions::new(db.engine())).unwrap();
        what(Life { db, world, runner }).await;
        end.add_permits(1);
    });
    let died = tokio::select! {
        () = stop.reached() => true,
        _ = ended.acquire() => false,
    };
    node.kill().await;
    taken_over(app, database).await;
    // What failed before the death is due again.
    app.clock.advance(seconds(60));
    died
}

/// The next process does what is left, also what waits for its next attempt.
async fn recovered(app: &App, database: &TestDb, step: i64) {
    let seed = 5000 + u64::try_from(step).expect("steps count from 0");
    let node = process(app, database, seed, database.options()).await;
    let open = "select count(*) as n from jobs where rank is not null";
    loop {
        settled(database).await;
        if database.number(open).await == 0 {
            break;
        }
        app.clock.advance(hours(2));
        tokio::time::sleep(testkit::milliseconds(5)).await;
    }
    node.kill().await;
}

/// How often this took effect.
async fn times(database: &TestDb, what: &str) -> usize {
    crate::shop::effects(database).await.iter().filter(|effect| *effect == what).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_and_the_job_it_brings_survive_a_death_at_any_step() {
    both(|database| async move {
        let app = shop(&database).await;
        for step in 0.. {
            let name = format!("event {step}");
            app.deliver("shop", testkit::event(&name, "errand", "{}")).await.unwrap();
            let died = dies_at(&app, &database, step, |life| async move { life.runner.run_until_idle().await }).await;
            recovered(&app, &database, step).await;
            assert_eq!(times(&database, &name).await, 1, "step {step}");
            let errands = times(&database, &format!("errand of {name}")).await;
            // A job is promised at least once: it runs again when its end was not written.
            assert!((1..=2).contains(&errands), "step {step}: {errands}");
            let jobs = app.jobs().await;
            assert_eq!(jobs.len(), usize::try_from(step).unwrap() + 1, "step {step}");
            assert!(jobs.iter().all(|job| job.status == "processed" && job.attempts == 1), "step {step}: {jobs:#?}");
            assert!(app.events().await.iter().all(|event| event.status == "processed" && event.attempts == 1));
            if !died {
                assert!(step > 10, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_event_survives_a_death_at_any_step_and_holds_its_lane() {
    both(|database| async move {
        let app = shop(&database).await;
        for step in 0.. {
            let (first, second) = (format!("first {step}"), format!("second {step}"));
            let lane = Some("a");
            let events = vec![order(&first, How::Fails).in_lane(lane), order(&second, How::Well).in_lane(lane)];
            app.deliver_all("shop", events).await.unwrap();
            let died = dies_at(&app, &database, step, |life| async move { life.runner.run_until_idle().await }).await;
            heal(&database).await;
            recovered(&app, &database, step).await;
            let done = crate::shop::effects(&database).await;
            assert_eq!(done, ["healed", &first, &second], "step {step}");
            database.execute("delete from effects").await;
            if !died {
                assert!(step > 10, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_an_organization_survives_a_death_at_any_step_of_its_parking() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        for step in 0.. {
            let name = format!("account_{step}");
            app.deliver("shop", order(&name, How::Well).about(Some(&name))).await.unwrap();
            let died = dies_at(&app, &database, step, |life| async move { life.runner.run_until_idle().await }).await;
            recovered(&app, &database, step).await;
            assert_eq!(app.count("unresolved").await, 1, "step {step}");
            // Nor does the death of who adds the route lose it.
            let route = engine::Route { key: format!("shop:{name}"), organization: ours.clone(), connection: None };
            let key = route.key.clone();
            dies_at(&app, &database, step % 8, move |life| async move {
                let world = life.world.clone();
                let write = store::work(move |tx| {
                    let (route, world) = (route.clone(), world.clone());
                    Box::pin(async move { engine::add_route(tx, &world, &route).await.map(drop) })
                });
                life.db.write(&Scope::System, write).await.unwrap_or_default();
            })
            .await;
            assert!(app.add_route(&key, &ours).await);
            recovered(&app, &database, step).await;
            assert_eq!(times(&database, &name).await, 1, "step {step}");
            if !died {
                assert!(step > 8, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arriving_event_survives_a_death_at_any_step_because_its_sender_comes_back() {
    both(|database| async move {
        let app = shop(&database).await;
        for step in 0.. {
            let names = [format!("a {step}"), format!("b {step}")];
            let request = || names.iter().map(|name| order(name, How::Well)).collect();
            let delivery = app.delivery("shop", request());
            let died = dies_at(&app, &database, step, move |life| async move {
                let inbox = Inbox::start(&life.db, &life.world, InboxOptions::default());
                assert!(inbox.accept(delivery).await.is_ok());
            })
            .await;
            let accepted = app.deliver_all("shop", request()).await.unwrap();
            if !died {
                assert!(accepted.iter().all(|event| !event.fresh), "what was answered is kept");
            }
            recovered(&app, &database, step).await;
            for name in &names {
                assert_eq!(times(&database, name).await, 1, "step {step}");
            }
            assert_eq!(app.events().await.len(), 2 * (usize::try_from(step).unwrap() + 1));
            if !died {
                assert!(step > 1, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_of_a_cron_survives_a_death_at_any_step() {
    both(|database| async move {
        let app = App::with_tables(&database, &crate::shop::TABLES, |handlers: &mut Handlers| {
            register(handlers);
            let sweep = || Errand { name: "sweep".to_owned(), how: How::Well };
            handlers.cron(Cron::new("sweep", "0 * * * *", sweep).expect("a pattern"));
        })
        .await;
        app.run_jobs().await;
        for step in 0.. {
            app.clock.advance(hours(1));
            let died = dies_at(&app, &database, step, |life| async move { life.runner.run_until_idle().await }).await;
            app.run_jobs().await;
            recovered(&app, &database, step).await;
            assert_eq!(app.jobs().await.len(), usize::try_from(step).unwrap() + 1, "step {step}");
            if !died {
                assert!(step > 8, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_put_back_by_hand_survives_a_death_at_any_step() {
    both(|database| async move {
        let app = shop(&database).await;
        for step in 0.. {
            let name = format!("retried {step}");
            let job = {
                let name = name.clone();
                app.enqueue(move || errand(&name, How::Fails)).await.unwrap()
            };
            for _ in 0..4 {
                app.run_jobs().await;
                app.clock.advance(hours(2));
            }
            assert_eq!(app.job(&job).await.status, "dead");
            heal(&database).await;
            let id = engine::JobId::new(job.seq());
            let died = dies_at(&app, &database, step, move |life| async move {
                engine::retry_job(&life.db, &life.world, &id).await.unwrap_or_default();
                life.runner.run_until_idle().await;
            })
            .await;
            // Whoever asked for it and heard nothing asks again.
            engine::retry_job(&app.db, &app.world, &job).await.unwrap_or_default();
            recovered(&app, &database, step).await;
            assert_eq!(app.job(&job).await.status, "processed", "step {step}");
            assert!((1..=2).contains(&times(&database, &name).await), "step {step}");
            database.execute("delete from effects").await;
            if !died {
                assert!(step > 8, "there are more steps than {step}");
                break;
            }
        }
    })
    .await;
}
