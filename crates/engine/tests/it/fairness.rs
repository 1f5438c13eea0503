//! Fairness: who floods the queue waits behind itself.

use engine::EventId;
use kernel::{OrgId, Time};
use testkit::{App, TestDb, both, hours, milliseconds, minutes};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::{How, effects, errand, gate, shop};

#[tokio::test]
async fn a_flood_of_one_tenant_does_not_delay_the_job_of_another() {
    both(|database| async move {
        let app = shop(&database).await;
        let (loud, quiet) = (app.organization(), app.organization());
        flood(&app, &loud, 5000).await;
        one(&app, &quiet).await;
        work_until_it_is_done(&app, &database).await;
        // Of five thousand it is among those of the first claim.
        assert!(place(&database).await < 600, "{}", place(&database).await);
    })
    .await;
}

#[tokio::test]
async fn a_flood_that_has_waited_for_an_hour_does_not_delay_who_comes_now() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.held = 16);
        let (loud, quiet) = (app.organization(), app.organization());
        flood(&app, &loud, 2000).await;
        app.clock.advance(hours(1));
        // The workers are at it when the other one comes.
        let (tell, running) = work(&app);
        while effects(&database).await.len() < 10 {
            tokio::task::yield_now().await;
        }
        let before = effects(&database).await.len();
        one(&app, &quiet).await;
        done(&database).await;
        tell.send(true).unwrap();
        running.await.unwrap();
        assert!(place(&database).await < before + 200, "{} after {before}", place(&database).await);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_holds_its_share_of_the_workers_still_gets_all_its_work_done() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.held = 8);
        let loud = app.organization();
        flood(&app, &loud, 100).await;
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 100);
    })
    .await;
}

#[tokio::test]
async fn twenty_thousand_jobs_that_are_due_together_do_not_delay_the_one_of_another_tenant() {
    both(|database| async move {
        let app = shop(&database).await;
        let (loud, quiet) = (app.organization(), app.organization());
        let due = app.world.now() + hours(1);
        flood_at(&app, &loud, 20_000, Some(due)).await;
        let quiet_one = move || errand("quiet", How::Well).of(&quiet).at(due);
        app.enqueue(quiet_one).await;
        app.clock.advance(hours(1));
        work_until_it_is_done(&app, &database).await;
        assert!(place(&database).await < 50, "{}", place(&database).await);
    })
    .await;
}

#[tokio::test]
async fn what_is_put_back_into_the_queue_in_thousands_stands_behind_the_job_of_another_tenant() {
    both(|database| async move {
        let app = shop(&database).await;
        let (loud, quiet) = (app.organization(), app.organization());
        flood(&app, &loud, 5000).await;
        database.execute("update jobs set state = 'unresolved', rank = null").await;
        let ids: Vec<_> = database.texts("select cast(seq as text) as t from jobs").await;
        let ids: Vec<_> = ids.iter().map(|seq| EventId::new(seq.parse().unwrap())).collect();
        database
            .execute(
                "insert into inbox_events (seq, provider, connection, external_id, kind, received_ms, body)
            select seq, '', '', '', '', 0, '' from jobs",
            )
            .await;
        engine::replay(&app.db, &app.world, &ids).await.unwrap();
        one(&app, &quiet).await;
        work_until_it_is_done(&app, &database).await;
        assert!(place(&database).await < 150, "{}", place(&database).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_holds_about_twice_the_jobs_that_it_can_run_and_what_is_urgent_overtakes_the_rest() {
    both(|database| async move {
        let app = shop(&database).await.with_workers(|workers| workers.concurrency = 2);
        let (loud, name) = (app.organization(), format!("hoarded {:?}", database.engine()));
        for _ in 0..100 {
            let (loud, name) = (loud.clone(), name.clone());
            app.enqueue(move || errand(&name, How::Waits).of(&loud)).await;
        }
        let (tell, running) = work(&app);
        for _ in 0..2 {
            gate(&name).arrival().await;
        }
        let held = "select count(*) as n from jobs where state = 'running'";
        assert!(database.number(held).await <= 4);
        app.enqueue(|| errand("quiet", How::Well).urgent(minutes(5))).await;
        for _ in 0..100 {
            gate(&name).open();
        }
        done(&database).await;
        assert!(place(&database).await <= 6, "{}", place(&database).await);
        tell.send(true).unwrap();
        running.await.unwrap();
    })
    .await;
}

async fn flood(app: &App, organization: &OrgId, count: usize) {
    flood_at(app, organization, count, None).await;
}

async fn flood_at(app: &App, organization: &OrgId, count: usize, at: Option<Time>) {
    let (world, organization) = (app.world.clone(), organization.clone());
    let write = store::work(move |tx| {
        let (world, organization) = (world.clone(), organization.clone());
        Box::pin(async move {
            for _ in 0..count {
                let job = errand("loud", How::Well).of(&organization);
                let job = if let Some(at) = at { job.at(at) } else { job };
                engine::enqueue(tx, &world, job).await?;
            }
            Ok(())
        })
    });
    app.db.write(&kernel::Scope::System, write).await.expect("jobs can be enqueued");
}

async fn one(app: &App, organization: &OrgId) {
    let organization = organization.clone();
    app.enqueue(move || errand("quiet", How::Well).of(&organization)).await;
}

fn work(app: &App) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (tell, stop) = watch::channel(false);
    let runner = app.runner.clone();
    (tell, tokio::spawn(async move { runner.run(stop).await }))
}

async fn done(database: &TestDb) {
    while database.number("select count(*) as n from effects where t = 'quiet'").await == 0 {
        tokio::time::sleep(milliseconds(5)).await;
    }
}

async fn work_until_it_is_done(app: &App, database: &TestDb) {
    let (tell, running) = work(app);
    done(database).await;
    tell.send(true).expect("the workers listen");
    running.await.expect("the workers stop");
}

/// How many were done before the quiet one.
async fn place(database: &TestDb) -> usize {
    effects(database).await.iter().position(|effect| effect == "quiet").expect("the quiet one was done")
}
