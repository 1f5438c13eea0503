//! Fairness: who floods the queue waits behind itself.

use kernel::OrgId;
use testkit::{App, TestDb, both, hours, milliseconds, minutes};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::{How, effects, errand, shop};

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

async fn flood(app: &App, organization: &OrgId, count: usize) {
    let (world, organization) = (app.world.clone(), organization.clone());
    let write = store::work(move |tx| {
        let (world, organization) = (world.clone(), organization.clone());
        Box::pin(async move {
            for _ in 0..count {
                engine::enqueue(tx, &world, errand("loud", How::Well).of(&organization)).await?;
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
