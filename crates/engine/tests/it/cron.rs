//! Crons: one firing for each tick, over all nodes.

use engine::{Cron, Handlers, Pattern, Runner, RunnerOptions};
use kernel::{OrgId, Time};
use testkit::{App, TestDb, both, days, hours, minutes, postgres, seconds};

use crate::shop::{Errand, How, TABLES, effects, errand, register};

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

/// The shop as a release has it that sweeps at other times.
fn release(database: &TestDb, app: &App, pattern: &'static str) -> Runner {
    let mut handlers = Handlers::new();
    register(&mut handlers);
    let job = || Errand { name: "sweep".to_owned(), how: How::Well };
    handlers.cron(Cron::new("sweep", pattern, job).expect("a pattern"));
    Runner::new(database.db.clone(), app.world.clone(), handlers, RunnerOptions::new(database.engine())).unwrap()
}

#[tokio::test]
async fn a_changed_pattern_takes_effect_with_the_release_that_has_it() {
    both(|database| async move {
        let app = sweeping(&database).await;
        let old = release(&database, &app, "0 0 1 1 *");
        old.run_until_idle().await;
        let new = release(&database, &app, "*/5 * * * *");
        new.run_until_idle().await;
        app.clock.advance(minutes(5));
        new.run_until_idle().await;
        assert_eq!(effects(&database).await.len(), 1, "it does not wait for the old time");
        // The old node still runs.
        old.run_until_idle().await;
        app.clock.advance(minutes(5));
        old.run_until_idle().await;
        new.run_until_idle().await;
        assert_eq!(effects(&database).await.len(), 2, "an old node does not take it back");
    })
    .await;
}

#[tokio::test]
async fn a_cron_that_the_newer_release_left_behind_goes_on_by_the_older_one() {
    both(|database| async move {
        let app = sweeping(&database).await;
        let (old, new) = (release(&database, &app, "0 * * * *"), release(&database, &app, "30 * * * *"));
        old.run_until_idle().await;
        new.run_until_idle().await;
        app.clock.advance(minutes(45));
        old.run_until_idle().await;
        old.run_until_idle().await;
        assert_eq!(effects(&database).await.len(), 1);
        app.clock.advance(minutes(15));
        old.run_until_idle().await;
        assert_eq!(effects(&database).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_cron_with_a_time_zone_follows_its_daylight_saving() {
    both(|database| async move {
        let app = App::with_tables(&database, &TABLES, |handlers| {
            register(handlers);
            let job = || Errand { name: "sweep".to_owned(), how: How::Well };
            handlers.cron(Cron::new("sweep", "0 9 * * *", job).unwrap().in_zone("Europe/Berlin").unwrap());
        })
        .await;
        // Noon of 28 March 2026, UTC: the next nine o'clock in Berlin is at seven.
        app.clock.set(Time::from_ms(1_774_699_200_000));
        app.run_jobs().await;
        app.clock.advance(hours(18) + minutes(59));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 0);
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 1);
    })
    .await;
}

/// Lets an organization have an errand done at fixed times.
async fn schedule(app: &App, organization: &OrgId, name: &'static str, pattern: &Pattern) {
    let (world, pattern) = (app.world.clone(), pattern.clone());
    let write = store::work(move |tx| {
        let (world, pattern) = (world.clone(), pattern.clone());
        Box::pin(async move { engine::schedule(tx, &world, name, &pattern, errand(name, How::Well)).await })
    });
    app.db.write(&organization.clone().into(), write).await.unwrap();
}

#[tokio::test]
async fn an_organization_has_times_of_its_own() {
    both(|database| async move {
        let app = sweeping(&database).await;
        let (one, other) = (app.organization(), app.organization());
        let hourly = Pattern::parse("0 * * * *").unwrap();
        let daily = Pattern::parse("0 9 * * *").unwrap().in_zone("America/New_York").unwrap();
        schedule(&app, &one, "report", &hourly).await;
        schedule(&app, &other, "report", &daily).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        app.run_jobs().await;
        assert_eq!(app.jobs().await.iter().filter(|job| job.organization == Some(one.to_string())).count(), 1);
        app.clock.advance(hours(1));
        app.run_jobs().await;
        // Nine o'clock in New York is two in the afternoon, UTC.
        assert_eq!(app.jobs().await.iter().filter(|job| job.organization == Some(other.to_string())).count(), 1);

        schedule(&app, &other, "report", &Pattern::parse("*/10 * * * *").unwrap()).await;
        let write = store::work(|tx| Box::pin(engine::unschedule(tx, "report")));
        assert!(app.db.write(&one.clone().into(), write).await.unwrap());
        app.clock.advance(minutes(10));
        app.run_jobs().await;
        let of = |organization: &OrgId| {
            let organization = Some(organization.to_string());
            let app = app.clone();
            async move { app.jobs().await.iter().filter(|job| job.organization == organization).count() }
        };
        assert_eq!(of(&other).await, 2, "a changed pattern takes effect at once");
        app.clock.advance(hours(3));
        app.run_jobs().await;
        assert_eq!(of(&one).await, 2, "what was ended does not come again");
        assert_eq!(of(&other).await, 3, "times that nobody was up for are made up for by one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedules_of_many_organizations_fire_once_each_over_all_nodes() {
    both(|database| async move {
        let app = sweeping(&database).await;
        let hourly = Pattern::parse("0 * * * *").unwrap();
        for _ in 0..450 {
            schedule(&app, &app.organization(), "report", &hourly).await;
        }
        app.clock.advance(hours(1));
        if database.engine() == store::Engine::Postgres {
            let other = app.node(&database, 2).await;
            tokio::join!(app.run_jobs(), other.run_jobs());
        }
        app.run_jobs().await;
        let reports = effects(&database).await.into_iter().filter(|effect| effect == "report").count();
        assert_eq!(reports, 450);
        assert_eq!(database.number("select count(*) as n from jobs where organization is not null").await, 450);
    })
    .await;
}

#[test]
fn a_pattern_that_is_none_is_refused() {
    let cron = Cron::new("bad", "every now and then", || Errand { name: String::new(), how: How::Well });
    assert_eq!(cron.err().map(|error| error.tag), Some("cron_pattern"));
}
