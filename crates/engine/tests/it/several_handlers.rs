//! Several features handle the events of one provider: each gets them, and none undoes what another did.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Applied, Cron, Event, EventCtx, EventHandler, Handlers, Routing};
use kernel::{Error, Result};
use testkit::{App, TestDb, both, event, hours};

use crate::shop::{Errand, How, TABLES, effects, heal, is_healed, sorted_effects, take_effect};

/// A feature that handles events of the kinds that begin with its name, or with `all`.
struct Feature {
    name: &'static str,
    /// Whether it fails until it is healed.
    is_ill: bool,
}

#[async_trait]
impl EventHandler for Feature {
    fn name(&self) -> &'static str {
        self.name
    }

    fn routing(&self, event: &Event) -> Result<Routing> {
        if !event.kind.starts_with("all") && !event.kind.starts_with(self.name) {
            return Ok(Routing::Ignore);
        }
        Ok(event
            .account
            .as_ref()
            .map_or(Routing::System, |account| Routing::Keys(vec![format!("{}:{account}", self.name)])))
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied> {
        take_effect(ctx.tx, &format!("{}: {}", self.name, event.external_id)).await?;
        if self.is_ill && !is_healed(ctx.tx).await? {
            return Err(Error::unavailable("ill", "not today"));
        }
        Ok(Applied::Done)
    }
}

fn well(name: &'static str) -> Arc<Feature> {
    Arc::new(Feature { name, is_ill: false })
}

async fn two(database: &TestDb) -> App {
    App::with_tables(database, &TABLES, |handlers: &mut Handlers| {
        handlers.on("vendor", well("billing")).on("vendor", Arc::new(Feature { name: "crm", is_ill: true }));
    })
    .await
}

#[tokio::test]
async fn each_gets_the_event_once_and_one_that_fails_undoes_nothing_of_the_other() {
    both(|database| async move {
        let app = two(&database).await;
        app.deliver("vendor", event("one", "all", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["billing: one"]);
        assert_eq!(app.count("processed").await, 1);
        heal(&database).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["billing: one", "crm: one", "healed"]);
        let jobs = app.jobs().await;
        let kinds: Vec<_> = jobs.iter().map(|job| (job.kind.as_str(), job.status.as_str())).collect();
        assert_eq!(kinds, [("vendor>billing", "processed"), ("vendor>crm", "processed")]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_only_one_wants_costs_no_job() {
    both(|database| async move {
        let app = two(&database).await;
        app.deliver("vendor", event("one", "billing.paid", "{}")).await.unwrap();
        app.deliver("vendor", event("two", "nobody", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["billing: one"]);
        assert_eq!(app.jobs().await.len(), 0);
        assert_eq!((app.count("processed").await, app.count("ignored").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn one_whose_organization_is_not_known_yet_waits_for_it_alone() {
    both(|database| async move {
        let app = two(&database).await;
        heal(&database).await;
        let organization = app.organization();
        app.add_route("billing:1", &organization).await;
        app.deliver("vendor", event("one", "all", "{}").about(Some("1"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["healed", "billing: one"]);
        app.add_route("crm:1", &organization).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["healed", "billing: one", "crm: one"]);
    })
    .await;
}

#[tokio::test]
async fn each_keeps_the_order_of_a_lane() {
    both(|database| async move {
        let app = two(&database).await;
        for name in ["one", "two", "three"] {
            app.deliver("vendor", event(name, "all", "{}").in_lane(Some("a"))).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["billing: one", "billing: two", "billing: three"]);
        heal(&database).await;
        app.clock.advance(hours(1));
        app.run_jobs().await;
        assert_eq!(effects(&database).await[4..], ["crm: one", "crm: two", "crm: three"]);
    })
    .await;
}

#[test]
fn what_is_registered_twice_is_refused_at_start() {
    let refused = |register: fn(&mut Handlers)| {
        let mut handlers = Handlers::new();
        register(&mut handlers);
        handlers.check().err().map(|error| error.message.to_string()).unwrap_or_default()
    };
    let cron = || Cron::new("sweep", "0 * * * *", || Errand { name: String::new(), how: How::Well }).unwrap();
    assert_eq!(
        refused(|handlers| {
            handlers.job::<Errand>().on("vendor", well("a")).on("vendor", well("b"));
        }),
        ""
    );
    type Register = fn(&mut Handlers);
    let cases: [(Register, &str); 2] = [
        (
            |handlers| {
                handlers.job::<Errand>().job::<Errand>();
            },
            "two jobs are called errand: rename one of each",
        ),
        (
            |handlers| {
                handlers.on("vendor", well("crm")).on("vendor", well("crm"));
            },
            "two event handlers are called vendor>crm: rename one of each",
        ),
    ];
    for (register, message) in cases {
        assert_eq!(refused(register), message);
    }
    let mut handlers = Handlers::new();
    handlers.cron(cron()).cron(cron());
    assert_eq!(handlers.check().unwrap_err().tag, "registered_twice");
}
