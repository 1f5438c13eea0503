//! A run of a job whose claim was taken meanwhile writes nothing, enqueues nothing and calls nothing.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_trait::async_trait;
use engine::{
    DomainEvent, Emitted, Handlers, Job, JobCtx, Mutation, MutationCtx, NewJob, Nobody, Operations, Query, QueryCtx,
    Registry, Subscriber, World, get, operation::Route, post,
};
use kernel::{Access, Error, OrgId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use testkit::{App, TestClock, TestDb, TestRandom, both, hours, postgres};

use crate::shop::{How, TABLES, effects, errand, gate, heal, order, register, sorted_effects, take_effect};

/// Take effect.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct TakeEffect {
    what: String,
}

#[async_trait]
impl Mutation for TakeEffect {
    const NAME: &'static str = "effects:take";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/effects");
    type Output = String;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<String> {
        take_effect(ctx.db, &self.what).await?;
        Ok(format!("{} for {}", ctx.caller().display_name(), ctx.organization()?))
    }
}

/// How many effects there are.
#[derive(Deserialize, JsonSchema)]
struct CountEffects {}

#[async_trait]
impl Query for CountEffects {
    const NAME: &'static str = "effects:count";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/effects/count");
    type Output = i64;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<i64> {
        let row = ctx.db.system("select count(*) as n from effects").row().await?;
        row.map_or(Ok(0), |row| row.int("n"))
    }
}

#[derive(Serialize, Deserialize)]
struct Rang {}

impl DomainEvent for Rang {
    const NAME: &'static str = "bell.rang";
}

struct Listener;

#[async_trait]
impl Subscriber<Rang> for Listener {
    async fn handle(&self, ctx: &JobCtx, _event: Emitted<Rang>) -> Result<()> {
        ctx.write(|tx| Box::pin(take_effect(tx, "heard"))).await
    }
}

/// What each thing that [`Busy`] did was answered, by its gate: the tag of an error, or none.
static TAGS: LazyLock<Mutex<HashMap<String, Tags>>> = LazyLock::new(Mutex::default);
type Tags = Vec<Option<&'static str>>;

fn tags(gate: &str) -> Tags {
    TAGS.lock().unwrap_or_else(PoisonError::into_inner).get(gate).cloned().unwrap_or_default()
}

/// Waits at its gate, then does everything that a job can do.
#[derive(Serialize, Deserialize)]
struct Busy {
    gate: String,
}

#[async_trait]
impl Job for Busy {
    const NAME: &'static str = "busy";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        gate(&self.gate).pass().await;
        // What fails is not passed on: a run that does not notice may not write either.
        let answers = [
            ctx.write(|tx| Box::pin(take_effect(tx, "written"))).await,
            ctx.db().write_batch(|tx| Box::pin(take_effect(tx, "written in a batch"))).await,
            ctx.enqueue(errand("enqueued", How::Well)).await.map(drop),
            ctx.mutation(TakeEffect { what: "called".to_owned() }).await.map(drop),
            ctx.mutation_once("1", TakeEffect { what: "called once".to_owned() }).await.map(drop),
            ctx.emit(Rang {}).await,
        ];
        let tags = answers.map(|answer| answer.err().map(|error| error.tag)).to_vec();
        TAGS.lock().unwrap_or_else(PoisonError::into_inner).insert(self.gate, tags);
        Ok(())
    }
}

/// Calls operations, and fails until it is healed.
#[derive(Serialize, Deserialize)]
struct Caller {}

#[async_trait]
impl Job for Caller {
    const NAME: &'static str = "caller";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let before = ctx.query(CountEffects {}).await?;
        let said = ctx.mutation_once("first", TakeEffect { what: "called once".to_owned() }).await?;
        ctx.write(move |tx| {
            let said = said.clone();
            Box::pin(async move { take_effect(tx, &said).await })
        })
        .await?;
        if before == 0 { Err(Error::unavailable("again", "again")) } else { Ok(()) }
    }
}

fn handle(database: &TestDb, handlers: &mut Handlers) {
    register(handlers);
    handlers.job::<Busy>().job::<Caller>().subscribe::<Rang, _>("listener", Listener);
    let mut registry = Registry::new();
    registry.mutation::<TakeEffect>().query::<CountEffects>();
    let world = World::new(Arc::new(TestClock::new()), Arc::new(TestRandom::new(9)));
    let catalog = registry.freeze().expect("no two operations have one name");
    handlers.calling(&Operations::new(catalog, database.db.clone(), world, Arc::new(Nobody), &[1; 32]));
}

async fn house(database: &TestDb) -> App {
    App::with_tables(database, &TABLES, |handlers| handle(database, handlers)).await
}

async fn enqueue(app: &App, organization: &OrgId, job: impl Fn() -> NewJob + Send + Sync + 'static) {
    let organization = organization.clone();
    app.enqueue(move || job().of(&organization)).await.expect("the call succeeds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_claim_was_taken_meanwhile_writes_enqueues_calls_and_emits_nothing() {
    both(|database| async move {
        let app = house(&database).await;
        let name = format!("taken meanwhile {:?}", database.engine());
        let (organization, at) = (app.organization(), name.clone());
        enqueue(&app, &organization, move || NewJob::new(&Busy { gate: at.clone() }).unwrap()).await;
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(&name).arrival().await;
        database.execute("update jobs set claim = 77").await;
        gate(&name).open();
        stalled.await.unwrap();
        assert_eq!(tags(&name), [Some("claim_lost"); 6]);
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(app.jobs().await.len(), 1, "it enqueued nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_row_was_deleted_meanwhile_writes_nothing_and_leaves_no_row() {
    both(|database| async move {
        let app = house(&database).await;
        let name = format!("deleted meanwhile {:?}", database.engine());
        let (organization, at) = (app.organization(), name.clone());
        enqueue(&app, &organization, move || NewJob::new(&Busy { gate: at.clone() }).unwrap()).await;
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(&name).arrival().await;
        database.execute("delete from jobs").await;
        gate(&name).open();
        stalled.await.unwrap();
        assert_eq!(tags(&name), [Some("claim_lost"); 6]);
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(database.number("select count(*) as n from jobs").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_row_was_deleted_meanwhile_has_no_effect_and_leaves_no_row() {
    // On SQLite nobody can delete a row while a handler's transaction has the one writer.
    postgres(|database| async move {
        let app = house(&database).await;
        let name = "event deleted meanwhile";
        app.deliver("shop", order(name, How::WaitsOnce)).await.unwrap();
        let runner = app.runner.clone();
        let stalled = tokio::spawn(async move { runner.run_until_idle().await });
        gate(name).arrival().await;
        database.execute("delete from jobs").await;
        gate(name).open();
        stalled.await.unwrap();
        assert_eq!(effects(&database).await, [""; 0]);
        assert_eq!(database.number("select count(*) as n from jobs").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_holds_its_claim_writes_enqueues_calls_and_emits_for_its_organization() {
    both(|database| async move {
        let app = house(&database).await;
        let name = format!("held {:?}", database.engine());
        let (organization, at) = (app.organization(), name.clone());
        gate(&name).open();
        enqueue(&app, &organization, move || NewJob::new(&Busy { gate: at.clone() }).unwrap()).await;
        app.run_jobs().await;
        assert_eq!(tags(&name), [None; 6]);
        let all = ["called", "called once", "enqueued", "heard", "written", "written in a batch"];
        assert_eq!(sorted_effects(&database).await, all);
        let organizations: Vec<_> = app.jobs().await.into_iter().map(|job| job.organization).collect();
        assert_eq!(organizations, vec![Some(organization.to_string()); 3], "whose jobs they are goes without saying");
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_a_job_calls_once_is_done_once_however_often_the_job_is_tried() {
    both(|database| async move {
        let app = house(&database).await;
        let organization = app.organization();
        enqueue(&app, &organization, || NewJob::new(&Caller {}).unwrap()).await;
        app.run_jobs().await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        let answer = format!("caller for {organization}");
        assert_eq!(effects(&database).await, ["called once", &answer, &answer]);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_an_event_enqueues_belongs_to_the_organization_of_the_event() {
    both(|database| async move {
        let app = house(&database).await;
        let organization = app.organization();
        app.add_route("shop:1", &organization).await;
        let order = testkit::event("order", "errand", "{}").about(Some("1"));
        app.deliver("shop", order).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.jobs().await[0].organization, Some(organization.to_string()));
        heal(&database).await;
    })
    .await;
}

#[tokio::test]
async fn an_organization_cannot_enqueue_a_job_of_another() {
    both(|database| async move {
        let app = house(&database).await;
        let (one, other, world) = (app.organization(), app.organization(), app.world.clone());
        let write = store::work(move |tx| {
            let (world, other) = (world.clone(), other.clone());
            Box::pin(async move { engine::enqueue(tx, &world, errand("theirs", How::Well).of(&other)).await.map(drop) })
        });
        assert_eq!(app.db.write(&one.into(), write).await.unwrap_err().tag, "job_of_another");
    })
    .await;
}
