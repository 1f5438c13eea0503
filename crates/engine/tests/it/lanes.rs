//! Lanes: what belongs together runs one after the other, in the order of arrival, whatever happens around it.

use engine::Runner;
use kernel::Time;
use testkit::{App, TestDb, both, hours, milliseconds, minutes, seconds};
use tokio::sync::watch;

use crate::shop::{How, effects, errand, gate, heal, order, shop};

#[tokio::test]
async fn the_events_of_a_lane_run_in_the_order_of_their_arrival() {
    both(|database| async move {
        let app = shop(&database).await;
        let names: Vec<_> = (0..100).map(|turn| format!("{turn:03}")).collect();
        // Some in one request, some in requests of their own.
        for part in names.chunks(30) {
            let events = part.iter().map(|name| order(name, How::Well).in_lane(Some("one"))).collect();
            app.deliver_all("shop", events).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, names);
    })
    .await;
}

#[tokio::test]
async fn a_failing_head_holds_back_its_lane_and_no_other() {
    both(|database| async move {
        let app = shop(&database).await;
        for (name, how, lane) in
            [("a1", How::Fails, "a"), ("b1", How::Well, "b"), ("a2", How::Well, "a"), ("b2", How::Well, "b")]
        {
            app.deliver("shop", order(name, how).in_lane(Some(lane))).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["b1", "b2"]);
        app.deliver("shop", order("a3", How::Well).in_lane(Some("a"))).await.unwrap();
        app.run_jobs().await;
        heal(&database).await;
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["b1", "b2", "healed", "a1", "a2", "a3"]);
    })
    .await;
}

#[tokio::test]
async fn a_head_that_is_given_up_lets_its_lane_go_on() {
    both(|database| async move {
        let app = shop(&database).await;
        for (name, how) in [("1", How::Broken), ("2", How::Panics), ("3", How::Well)] {
            app.deliver("shop", order(name, how).in_lane(Some("a"))).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["3"]);
    })
    .await;
}

#[tokio::test]
async fn a_head_that_comes_back_late_still_runs_first_also_when_few_are_taken_at_once() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.held = 4);
        let lane = |name: &str, how| order(name, how).in_lane(Some("a")).about(None::<&str>);
        app.deliver("shop", lane("00", How::Fails)).await.unwrap();
        app.run_jobs().await;
        for turn in 1..40 {
            app.deliver("shop", lane(&format!("{turn:02}"), How::Well)).await.unwrap();
        }
        heal(&database).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        let expected: Vec<_> = (0..40).map(|turn| format!("{turn:02}")).collect();
        assert_eq!(effects(&database).await[1..], expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_put_back_by_hand_takes_its_old_place_in_its_lane() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.held = 4);
        let first = app.enqueue(|| errand("00", How::Well).lane("a")).await.unwrap();
        engine::cancel_job(&app.db, &app.world, &first).await.unwrap();
        for turn in 1..40 {
            app.enqueue(move || errand(format!("{turn:02}"), How::Well).lane("a")).await;
        }
        app.clock.advance(hours(1));
        engine::retry_job(&app.db, &app.world, &first).await.unwrap();
        app.run_jobs().await;
        let expected: Vec<_> = (0..40).map(|turn| format!("{turn:02}")).collect();
        assert_eq!(effects(&database).await, expected);
    })
    .await;
}

#[tokio::test]
async fn thousands_behind_a_failing_head_hold_up_nobody_else() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("head", How::Fails).in_lane(Some("a"))).await.unwrap();
        app.run_jobs().await;
        // More than one claim looks at.
        let crowd = (0..10_000).map(|turn| order(&format!("crowd {turn:04}"), How::Well).in_lane(Some("a")));
        app.deliver_all("shop", crowd.collect()).await.unwrap();
        app.deliver("shop", order("somebody else", How::Well).in_lane(Some("b"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["somebody else"]);
        heal(&database).await;
        app.clock.advance(minutes(1));
        let (tell, running) = nodes(&app, &database).await;
        while effects(&database).await.len() < 100 {
            tokio::time::sleep(milliseconds(5)).await;
        }
        tell.send(true).unwrap();
        for node in running {
            node.await.unwrap();
        }
        let done = effects(&database).await;
        assert_eq!(done[..4], ["somebody else", "healed", "head", "crowd 0000"]);
        assert!(done[3..].is_sorted());
    })
    .await;
}

#[tokio::test]
async fn a_delayed_job_holds_back_what_comes_after_it_in_its_lane() {
    both(|database| async move {
        let app = shop(&database).await;
        let at: Time = app.world.now() + hours(1);
        app.enqueue(move || errand("1", How::Well).lane("a").at(at)).await;
        app.enqueue(|| errand("2", How::Well).lane("a")).await;
        app.enqueue(|| errand("3", How::Well).lane("b")).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["3"]);
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["3", "1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn a_lane_of_two_tenants_keeps_its_order() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.held = 4);
        let (ours, theirs) = (app.organization(), app.organization());
        let names: Vec<_> = (0..30).map(|turn| format!("{turn:02}")).collect();
        for (turn, name) in names.iter().enumerate() {
            let who = if turn % 3 == 0 { ours.clone() } else { theirs.clone() };
            let name = name.clone();
            app.enqueue(move || errand(&name, How::Well).lane("shared").of(&who)).await;
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, names);
    })
    .await;
}

/// Two nodes at work on a database; on SQLite one, because only one process serves a file.
async fn nodes(app: &App, database: &TestDb) -> (watch::Sender<bool>, Vec<tokio::task::JoinHandle<()>>) {
    let (tell, stop) = watch::channel(false);
    let mut runners: Vec<Runner> = vec![app.runner.clone()];
    if database.engine() == store::Engine::Postgres {
        runners.push(app.node(database, 2).await.runner);
    }
    let running = runners.into_iter().map(|runner| {
        let stop = stop.clone();
        tokio::spawn(async move { runner.run(stop).await })
    });
    (tell, running.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_a_lane_never_run_at_the_same_time_whichever_nodes_take_them() {
    both(|database| async move {
        let app = shop(&database).await;
        let name = format!("one_at_a_time_{:?}", database.engine());
        let met = gate(&name);
        for turn in 0..20 {
            // All of them come to the same gate.
            let event = order(&name, How::Waits).in_lane(Some("a"));
            let event = provider::Received { external_id: format!("{name} {turn}"), ..event };
            app.deliver("shop", event).await.unwrap();
            let _ = gate(&format!("{name} {turn}"));
        }
        let (tell, running) = nodes(&app, &database).await;
        for turn in 0..20 {
            let here = gate(&format!("{name} {turn}"));
            here.arrival().await;
            for later in turn + 1..20 {
                assert_eq!(gate(&format!("{name} {later}")).arrivals(), 0);
            }
            here.open();
        }
        tell.send(true).unwrap();
        for node in running {
            node.await.unwrap();
        }
        assert_eq!(met.arrivals(), 0);
        assert_eq!(effects(&database).await.len(), 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_its_lane_starts_when_the_lane_is_free_and_not_at_the_next_poll() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.poll = seconds(3600));
        let names: Vec<_> = (0..3).map(|turn| format!("next in lane {turn} {:?}", database.engine())).collect();
        let (tell, running) = nodes(&app, &database).await;
        for name in &names {
            let job = name.clone();
            app.enqueue(move || errand(&job, How::Waits).lane("a")).await.unwrap();
            if name == &names[0] {
                gate(name).arrival().await;
            }
        }
        gate(&names[0]).open();
        for name in &names[1..] {
            gate(name).arrival().await;
            gate(name).open();
        }
        tell.send(true).unwrap();
        for node in running {
            node.await.unwrap();
        }
        assert_eq!(effects(&database).await, names);
    })
    .await;
}
