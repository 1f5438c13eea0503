//! Processes die: what they held is done by others, and only what kills them again and again is parked.

use std::time::Duration;

use engine::{JobId, JobRow, Runner, RunnerOptions};
use store::{Engine, Options};
use testkit::{App, Node, TestDb, both, milliseconds, postgres, seconds};
use tokio::sync::watch;

use crate::{
    shop::{How, effects, errand, gate, order, register, shop, sorted_effects},
    steps::Stop,
};

/// A process of its own that works on the database of `app`, in its time. Leases go by the database's clock: a short one
/// lapses soon after a death.
pub(crate) async fn process(app: &App, database: &TestDb, seed: u64, options: Options) -> Node {
    let node = Node::start();
    let (clock, engine) = (app.clock.clone(), database.engine());
    node.spawn(async move {
        let db = store::Db::open(&options).await.expect("the database opens");
        let random = testkit::TestRandom::new(seed);
        let world = engine::World::new(std::sync::Arc::new(clock), std::sync::Arc::new(random));
        let mut handlers = engine::Handlers::new();
        register(&mut handlers);
        let workers = RunnerOptions { lease: milliseconds(300), poll: milliseconds(20), ..RunnerOptions::new(engine) };
        let (tell, stop) = watch::channel(false);
        Runner::new(db, world, handlers, workers).unwrap().run(stop).await;
        drop(tell);
    });
    node
}

/// Waits until nothing is left to do.
pub(crate) async fn settled(database: &TestDb) {
    let open = "select count(*) as n from jobs where rank is not null and state <> 'scheduled'";
    let waiting = async {
        while database.number(open).await > 0 {
            tokio::time::sleep(milliseconds(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("everything ends");
}

/// Starts a process, lets it come to the gate, kills it there.
async fn dies_at(app: &App, database: &TestDb, seed: u64, name: &str) {
    let node = process(app, database, seed, database.options()).await;
    gate(name).arrival().await;
    node.kill().await;
    taken_over(app, database).await;
}

/// The nodes are dead, and another one has taken over what they held. On SQLite the next process does it when it starts.
pub(crate) async fn taken_over(app: &App, database: &TestDb) {
    if database.engine() == Engine::Postgres {
        database.execute("update nodes set lease_until_ms = 0").await;
        app.runner.take_over().await.expect("the database answers");
    }
}

/// How many entries are running, or are held to run next.
async fn held(database: &TestDb) -> i64 {
    database.number("select count(*) as n from jobs where state = 'running'").await
}

async fn row(app: &App, id: &JobId) -> JobRow {
    app.job(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_was_running_is_done_by_the_next_one() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("dies once {:?}", database.engine());
        let here = name.clone();
        let job = app.enqueue(move || errand(&here, How::WaitsOnce)).await.unwrap();
        dies_at(&app, &database, 2, &name).await;
        let next = process(&app, &database, 3, database.options()).await;
        settled(&database).await;
        assert_eq!(effects(&database).await, [name]);
        let row = row(&app, &job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("processed", 1));
        next.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_effects_of_a_transaction_that_a_dead_process_left_open_are_gone() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("dies in its transaction {:?}", database.engine());
        app.deliver("shop", order(&name, How::WaitsOnce)).await.unwrap();
        dies_at(&app, &database, 2, &name).await;
        let next = process(&app, &database, 3, database.options()).await;
        settled(&database).await;
        assert_eq!(effects(&database).await, [name]);
        next.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_its_process_is_parked_after_four_starts_and_its_innocent_neighbours_are_done() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("deadly {:?}", database.engine());
        let deadly = name.clone();
        let guilty = app.enqueue(move || errand(&deadly, How::Hangs)).await.unwrap();
        let innocents: Vec<_> = (0..20).map(|turn| format!("innocent {turn:02} {:?}", database.engine())).collect();
        for innocent in &innocents {
            // They are held each time the process dies, until they are let through.
            let innocent = innocent.clone();
            app.enqueue(move || errand(&innocent, How::Waits)).await.unwrap();
        }
        // With everybody, in a group, alone, alone again.
        for (life, beside) in [(1, 20), (2, 15), (3, 0), (4, 0)] {
            let node = process(&app, &database, 1 + life, database.options()).await;
            gate(&name).arrival().await;
            assert_eq!(held(&database).await, 1 + beside, "in life {life}");
            node.kill().await;
            taken_over(&app, &database).await;
        }
        for innocent in &innocents {
            gate(innocent).open();
        }
        let last = process(&app, &database, 6, database.options()).await;
        settled(&database).await;
        last.kill().await;
        let parked = row(&app, &guilty).await;
        assert_eq!((parked.status.as_str(), gate(&name).arrivals()), ("dead", 0));
        assert!(parked.error.unwrap().contains("trunkline jobs retry"));
        assert!(parked.finished_at.unwrap() <= app.world.now());
        let jobs = app.jobs().await;
        assert_eq!(jobs.iter().filter(|job| job.status == "processed").count(), innocents.len(), "{jobs:#?}");
        assert_eq!(sorted_effects(&database).await, innocents);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_behind_the_guilty_one_is_not_blamed_for_any_of_its_deaths() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("deadly head {:?}", database.engine());
        for (name, how) in [(name.as_str(), How::Hangs), ("behind it", How::Well)] {
            let name = name.to_owned();
            app.enqueue(move || errand(&name, how).lane("a")).await.unwrap();
        }
        for life in 1..=4 {
            dies_at(&app, &database, 1 + life, &name).await;
            // It was held once, and has waited since then.
            assert_eq!(database.number("select starts as n from jobs order by seq desc limit 1").await, 1);
        }
        let last = process(&app, &database, 6, database.options()).await;
        settled(&database).await;
        last.kill().await;
        assert_eq!(effects(&database).await, ["behind it"]);
        assert_eq!(database.texts("select state as t from jobs order by seq").await, ["dead", "processed"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_that_are_killed_at_their_work_park_nothing() {
    both(|database| async move {
        let app = shop(&database).await;
        let names: Vec<_> = (0..500).map(|turn| format!("{turn:03}")).collect();
        let event = |(turn, name): (usize, &String)| {
            // Every second one stands in one of five lanes.
            let lane = (turn % 2 == 0).then(|| format!("lane {}", turn % 10));
            order(name, How::Well).in_lane(lane)
        };
        app.deliver_all("shop", names.iter().enumerate().map(event).collect()).await.unwrap();
        for life in 0..10 {
            let stop = Stop::at(100 + 10 * life);
            let options = Options { failpoints: stop.failpoints(), ..database.options() };
            let node = process(&app, &database, 2 + life.unsigned_abs(), options).await;
            stop.reached().await;
            node.kill().await;
            taken_over(&app, &database).await;
            assert!(app.count("pending").await > 0, "there is work for life {life} to die at");
        }
        let last = process(&app, &database, 20, database.options()).await;
        settled(&database).await;
        last.kill().await;
        assert_eq!(sorted_effects(&database).await, names);
        assert_eq!(app.count("processed").await, names.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_that_do_not_end_do_not_hold_up_everybody_else() {
    both(|database| async move {
        let app = shop(&database).await;
        let names: Vec<_> = (0..3).map(|turn| format!("endless {turn} {:?}", database.engine())).collect();
        for name in &names {
            let name = name.clone();
            app.enqueue(move || errand(&name, How::Hangs)).await;
        }
        dies_at(&app, &database, 2, &names[2]).await;
        app.enqueue(|| errand("behind them", How::Well)).await;
        let node = process(&app, &database, 3, database.options()).await;
        while effects(&database).await.is_empty() {
            tokio::time::sleep(milliseconds(2)).await;
        }
        node.kill().await;
        assert_eq!(effects(&database).await, ["behind them"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_runs_with_nothing_beside_it_and_then_everybody_else_goes_on() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("alone {:?}", database.engine());
        let suspect = name.clone();
        app.enqueue(move || errand(&suspect, How::Waits)).await.unwrap();
        dies_at(&app, &database, 2, &name).await;
        dies_at(&app, &database, 3, &name).await;
        // Its lease is long: it has the node to itself for as long as this test takes.
        let app = app.with_workers(|workers| workers.lease = seconds(600));
        let (tell, stop) = watch::channel(false);
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        gate(&name).arrival().await;
        for turn in 0..10 {
            app.enqueue(move || errand(format!("behind {turn}"), How::Well)).await;
        }
        // The workers were woken ten times by now.
        assert_eq!(held(&database).await, 1);
        assert_eq!(effects(&database).await, [""; 0]);
        gate(&name).open();
        settled(&database).await;
        tell.send(true).unwrap();
        running.await.unwrap();
        let done = effects(&database).await;
        assert_eq!((done.len(), done[0].as_str()), (11, name.as_str()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_keeps_its_place_in_its_lane() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("suspect in a lane {:?}", database.engine());
        for (name, how) in [(name.as_str(), How::Waits), ("after it", How::Well)] {
            let name = name.to_owned();
            app.enqueue(move || errand(&name, how).lane("a")).await.unwrap();
        }
        dies_at(&app, &database, 2, &name).await;
        dies_at(&app, &database, 3, &name).await;
        gate(&name).open();
        let node = process(&app, &database, 4, database.options()).await;
        settled(&database).await;
        node.kill().await;
        assert_eq!(effects(&database).await, [name.as_str(), "after it"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_that_is_given_back_is_still_one_and_has_no_start_more() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("given back {:?}", database.engine());
        let suspect = name.clone();
        app.enqueue(move || errand(&suspect, How::Waits)).await.unwrap();
        for deaths in 1..=3 {
            dies_at(&app, &database, 1 + deaths, &name).await;
            let next = app.node(&database, 10 + deaths).await.with_workers(|workers| {
                workers.drain = milliseconds(1);
                workers.lease = milliseconds(300);
            });
            let (tell, stop) = watch::channel(false);
            let runner = next.runner.clone();
            let running = tokio::spawn(async move { runner.run(stop).await });
            gate(&name).arrival().await;
            tell.send(true).unwrap();
            running.await.unwrap();
            assert_eq!(database.texts("select state as t from jobs").await, ["suspect"]);
            assert_eq!(database.number("select starts as n from jobs").await, i64::try_from(deaths).unwrap());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_freezes_at_any_step_of_its_claim_holds_up_no_other_for_long() {
    postgres(|database| async move {
        let app = shop(&database).await;
        for step in 0..30 {
            let stop = Stop::at(step);
            let options = Options { failpoints: stop.failpoints(), ..database.options() };
            app.enqueue(move || errand(format!("frozen {step}"), How::Well)).await;
            let node = process(&app, &database, 100 + step.unsigned_abs(), options).await;
            stop.reached().await;
            // It is not dead: its connections are open, and with them its transaction and its locks.
            let other = format!("other {step}");
            let name = other.clone();
            app.enqueue(move || errand(&name, How::Well)).await;
            while !effects(&database).await.contains(&other) {
                app.run_jobs().await;
            }
            node.kill().await;
        }
    })
    .await;
}
