//! Crons: one firing for each tick, over all nodes.

use engine::{Cron, Handlers};
use testkit::{App, TestDb, both, days, hours, minutes, postgres, seconds};

use crate::shop::{Errand, How, TABLES, effects, register};

/// A shop that sweeps at every full hour.
async fn sweeping(database: &TestDb) -> App {
    App::with_tables(database, &TABLES, |handlers| {
        register(handlers);
        handlers.cron(sweep("sweep"));
    })
    .await
}

fn sweep(name: &'static str) -> Cron {
    Cron::new(name, "0 * * * *", move || Errand { name: name.to_owned(), how: How::Well }).expect("a pattern")
}

#[tokio::test]
async fn a_cron_fires_once_at_each_of_its_times() {
    both(|database| async move {
        let app = sweeping(&database).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 0);
        for hour in 1..4 {
            app.clock.advance(hours(1));
            app.run_jobs().await;
            app.run_jobs().await;
            assert_eq!(effects(&database).await.len(), hour);
        }
    })
    .await;
}

#[tokio::test]
async fn ticks_that_nobody_was_up_for_are_made_up_for_by_one() {
    both(|database| async move {
        let app = sweeping(&database).await;
        app.run_jobs().await;
        app.clock.advance(days(2) + minutes(5));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 1);
        app.clock.advance(minutes(55));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_fire_a_tick_once() {
    postgres(|database| async move {
        let app = sweeping(&database).await;
        let other = app.node(&database, 2).await;
        tokio::join!(app.run_jobs(), other.run_jobs());
        for hour in 1..20 {
            app.clock.advance(hours(1));
            tokio::join!(app.run_jobs(), other.run_jobs());
            app.run_jobs().await;
            assert_eq!(effects(&database).await.len(), hour);
        }
    })
    .await;
}

#[tokio::test]
async fn a_cron_is_fired_by_name_beside_its_times() {
    both(|database| async move {
        let app = sweeping(&database).await;
        app.run_jobs().await;
        app.runner.fire("sweep").await.unwrap();
        app.runner.fire("sweep").await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 1, "twice in the same second is once");
        app.clock.advance(seconds(1));
        app.runner.fire("sweep").await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 2);
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 3);
        assert_eq!(app.runner.fire("swap").await.unwrap_err().tag, "cron_unknown");
    })
    .await;
}

#[tokio::test]
async fn a_cron_that_is_broken_does_not_hold_up_the_others() {
    both(|database| async move {
        let app = App::with_tables(&database, &TABLES, |handlers: &mut Handlers| {
            register(handlers);
            let broken = || -> Errand { panic!("a defect in a cron") };
            handlers.cron(Cron::new("broken", "0 * * * *", broken).expect("a pattern"));
            handlers.cron(sweep("sweep"));
        })
        .await;
        app.run_jobs().await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["sweep"]);
    })
    .await;
}

#[test]
fn a_pattern_that_is_none_is_refused() {
    let cron = Cron::new("bad", "every now and then", || Errand { name: String::new(), how: How::Well });
    assert_eq!(cron.err().map(|error| error.tag), Some("cron_pattern"));
}
