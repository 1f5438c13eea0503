//! Processes die: what they held is done by others, and what kills them again and again is parked alone.

use std::time::Duration;

use engine::{JobId, JobRow, Runner, RunnerOptions};
use store::Options;
use testkit::{App, Node, TestDb, both, milliseconds, seconds};
use tokio::sync::watch;

use crate::shop::{How, effects, errand, gate, order, register, shop, sorted_effects};

/// A process of its own that works on the database of `app`, in its time. It looks for leases that lapsed all the time.
pub(crate) async fn process(app: &App, database: &TestDb, seed: u64, options: Options) -> Node {
    let node = Node::start();
    let (clock, engine) = (app.clock.clone(), database.engine());
    node.spawn(async move {
        let db = store::Db::open(&options).await.expect("the database opens");
        let random = testkit::TestRandom::new(seed);
        let world = engine::World::new(std::sync::Arc::new(clock), std::sync::Arc::new(random));
        let mut handlers = engine::Handlers::new();
        register(&mut handlers);
        let workers = RunnerOptions { lease: milliseconds(500), poll: milliseconds(20), ..RunnerOptions::new(engine) };
        let (tell, stop) = watch::channel(false);
        Runner::new(db, world, handlers, workers).run(stop).await;
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
    // Everybody sees that its leases lapsed.
    app.clock.advance(seconds(60));
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
async fn what_kills_its_process_three_times_is_parked_and_its_innocent_neighbours_are_done() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("deadly {:?}", database.engine());
        let deadly = name.clone();
        let guilty = app.enqueue(move || errand(&deadly, How::Hangs)).await.unwrap();
        let innocents: Vec<_> = (0..20).map(|turn| format!("innocent {turn:02} {:?}", database.engine())).collect();
        for innocent in &innocents {
            // They are running each time the process dies, until they are let through.
            let innocent = innocent.clone();
            app.enqueue(move || errand(&innocent, How::Waits)).await.unwrap();
        }
        for life in 0..2 {
            let node = process(&app, &database, 2 + life, database.options()).await;
            gate(&name).arrival().await;
            for innocent in &innocents {
                // On PostgreSQL twelve run at once: those that came are enough.
                if gate(innocent).arrivals() > 0 {
                    gate(innocent).arrival().await;
                }
            }
            node.kill().await;
            app.clock.advance(seconds(60));
        }
        for innocent in &innocents {
            gate(innocent).open();
        }
        // The third life: whoever is under suspicion runs alone, so that only one can be to blame.
        let node = process(&app, &database, 4, database.options()).await;
        gate(&name).arrival().await;
        assert_eq!(database.number("select count(*) as n from jobs where state = 'running'").await, 1);
        node.kill().await;
        app.clock.advance(seconds(60));

        let last = process(&app, &database, 5, database.options()).await;
        settled(&database).await;
        last.kill().await;
        let parked = row(&app, &guilty).await;
        assert_eq!(parked.status, "dead");
        assert!(parked.error.unwrap().contains("3 starts"));
        assert!(parked.finished_at.unwrap() <= app.world.now());
        let jobs = app.jobs().await;
        assert_eq!(jobs.iter().filter(|job| job.status == "processed").count(), innocents.len(), "{jobs:#?}");
        assert_eq!(sorted_effects(&database).await, innocents);
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
        assert_eq!(database.number("select count(*) as n from jobs where state = 'running'").await, 1);
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
async fn a_suspect_that_is_given_back_is_still_one() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("given back {:?}", database.engine());
        let suspect = name.clone();
        app.enqueue(move || errand(&suspect, How::Waits)).await.unwrap();
        dies_at(&app, &database, 2, &name).await;
        dies_at(&app, &database, 3, &name).await;
        let app = app.with_workers(|workers| workers.drain = milliseconds(1));
        let (tell, stop) = watch::channel(false);
        let runner = app.runner.clone();
        let running = tokio::spawn(async move { runner.run(stop).await });
        gate(&name).arrival().await;
        tell.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(database.texts("select state as t from jobs").await, ["suspect"]);
        assert_eq!(database.number("select starts as n from jobs").await, 2);
    })
    .await;
}
