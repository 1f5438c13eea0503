//! Calling operations: who may, with what, and what is left behind.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{
    Caller, Claims, Directory, Identity, Member, Mutation, MutationCtx, Operations, Query, QueryCtx, QueryRequest,
    Registry, Replay, Who, World, get, operation::Route, post,
};
use kernel::{Access, Clock, Code, Error, OrgId, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{FromRow, Migration, MigrationSet, Reader, Row, Tx};
use testkit::{TestClock, TestDb, TestRandom, both, hours};

const ITEMS: MigrationSet = MigrationSet {
    name: "items",
    migrations: &[Migration::portable(
        "0001_items",
        "create table items (org_id text not null, n bigint not null, tag text not null, primary key (org_id, n))",
    )],
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Item {
    n: i64,
    tag: String,
}

impl FromRow for Item {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { n: row.int("n")?, tag: row.text("tag")? })
    }
}

impl engine::Placed for Item {
    fn place(&self) -> engine::Place {
        engine::Place(vec![self.n.into(), "".into()])
    }
}

/// All items.
#[derive(Deserialize, JsonSchema)]
struct ListItems {}

#[async_trait]
impl Query for ListItems {
    const NAME: &'static str = "items:list";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/items");
    type Output = Vec<Item>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Item>> {
        list(ctx.db).await
    }
}

async fn list(db: &mut Reader) -> Result<Vec<Item>> {
    db.query("select n, tag from items where org_id = $1 order by n").all().await
}

/// A part of the items.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PageItems {
    pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageItems {
    const NAME: &'static str = "items:page";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/items/page");
    type Output = Page<Item>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Item>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move {
                let ((after, _), (until, _)) = range.ascending();
                db.query("select n, tag from items where org_id = $1 and n > $2 and n <= $3 order by n limit $4")
                    .bind(after)
                    .bind(until)
                    .bind(range.limit)
                    .all()
                    .await
            })
        })
        .await
    }
}

/// Add an item.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct AddItem {
    n: i64,
    tag: String,
}

#[async_trait]
impl Mutation for AddItem {
    const NAME: &'static str = "items:add";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = post("/v1/items");
    type Output = i64;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<i64> {
        insert(ctx.db, &self).await?;
        if self.tag == "fail" {
            return Err(Error::conflict("unwanted", "nobody wants it"));
        }
        Ok(self.n)
    }
}

async fn insert(tx: &mut Tx, item: &AddItem) -> Result<()> {
    let query = tx.query("insert into items (org_id, n, tag) values ($1, $2, $3)");
    query.bind(item.n).bind(&item.tag).execute().await.map(drop)
}

/// Everybody's token says who they are.
struct Tokens;

#[async_trait]
impl Directory for Tokens {
    async fn organization(&self, _tx: &mut Tx, shown: &Identity, wanted: Option<&str>) -> Result<Option<OrgId>> {
        let Identity::Token(claims) = shown else { return Ok(None) };
        let own = claims.organization.as_deref();
        if wanted.is_some() && wanted != own {
            return Err(Error::new(Code::Forbidden, "not_yours", "choose an organization of yours"));
        }
        own.map(OrgId::parse).transpose()
    }

    async fn caller(&self, _tx: &mut Tx, organization: Option<&OrgId>, shown: &Identity) -> Result<Caller> {
        let member = match shown {
            Identity::Token(claims) => Some(Member {
                user: kernel::Id::parse(&claims.subject)?,
                name: "Ada".to_owned(),
                role: Role::parse(claims.role.as_deref().unwrap_or_default())?,
                customer: None,
                impersonator: None,
            }),
            Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => None,
        };
        Ok(Caller { identity: shown.clone(), organization: organization.cloned(), member, key_role: None, until: None })
    }
}

struct House {
    operations: Operations,
    clock: TestClock,
}

impl House {
    async fn new(database: &TestDb) -> Self {
        let clock = TestClock::new();
        let world = World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(1)));
        store::migrate(&database.db, &[engine::MIGRATIONS, ITEMS], world.now()).await.expect("it works in this test");
        let mut registry = Registry::new();
        registry.query::<ListItems>().query::<PageItems>().mutation::<AddItem>();
        let operations = Operations::new(
            registry.freeze().expect("no two operations have one name"),
            database.db.clone(),
            world,
            Arc::new(Tokens),
            &[1; 32],
        );
        Self { operations, clock }
    }

    async fn somebody(&self, organization: &OrgId, role: Role) -> Who {
        let world = self.operations.world();
        let claims = Claims {
            issuer: "https://issuer.test".to_owned(),
            subject: world.new_id::<engine::UserPrefix>().to_string(),
            organization: Some(organization.to_string()),
            role: Some(role.as_str().to_owned()),
            email: None,
            first_name: None,
            last_name: None,
            picture: None,
            expires_at: world.now() + hours(1),
            all: serde_json::Map::new(),
        };
        self.operations.enter(Identity::Token(Arc::new(claims)), None, None).await.expect("it works in this test")
    }

    fn organization(&self) -> OrgId {
        self.operations.world().new_id()
    }

    async fn add(&self, who: &Who, n: i64, tag: &str) -> Result<serde_json::Value> {
        let arguments = json!({ "n": n, "tag": tag });
        Ok(self.operations.mutation(who, "items:add", &arguments, None).await?.output)
    }
}

#[tokio::test]
async fn what_one_organization_writes_another_never_sees() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (one, other) = (house.organization(), house.organization());
        let (ada, eve) = (house.somebody(&one, Role::Admin).await, house.somebody(&other, Role::Owner).await);
        assert_eq!(house.add(&ada, 1, "a").await.unwrap(), json!(1));
        assert_eq!(
            house.operations.query(&ada, "items:list", json!({})).await.unwrap(),
            json!([{ "n": 1, "tag": "a" }])
        );
        assert_eq!(house.operations.query(&eve, "items:list", json!({})).await.unwrap(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_is_refused_before_anything_is_read_or_written() {
    both(|database| async move {
        let house = House::new(&database).await;
        let organization = house.organization();
        let viewer = house.somebody(&organization, Role::Viewer).await;
        assert_eq!(house.add(&viewer, 1, "a").await.unwrap_err().code, Code::Forbidden);
        let nobody = house.operations.enter(Identity::Anonymous, None, None).await.unwrap();
        assert_eq!(house.add(&nobody, 1, "a").await.unwrap_err().code, Code::Unauthenticated);
        let asked = house.operations.query(&nobody, "items:list", json!({})).await;
        assert_eq!(asked.unwrap_err().code, Code::Unauthenticated);
        house.clock.advance(hours(2));
        let late = house.operations.query(&viewer, "items:list", json!({})).await;
        assert_eq!(late.unwrap_err().tag, "token_expired");
        assert!(database.by_hand().await.texts("select org_id as t from items").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_fails_leaves_nothing_behind() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(&house.organization(), Role::Staff).await;
        assert_eq!(house.add(&ada, 1, "fail").await.unwrap_err().tag, "unwanted");
        assert_eq!(house.operations.query(&ada, "items:list", json!({})).await.unwrap(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_request_that_comes_again_is_done_once_and_answered_alike() {
    both(|database| async move {
        let house = House::new(&database).await;
        let organization = house.organization();
        let ada = house.somebody(&organization, Role::Staff).await;
        let replay = |request: &str| {
            let keep_until = house.clock.now() + hours(24);
            Some(Replay { session: "s1".to_owned(), request: request.to_owned(), keep_until })
        };
        let arguments = json!({ "n": 7, "tag": "a" });
        let first = house.operations.mutation(&ada, "items:add", &arguments, replay("1")).await.unwrap();
        let again = house.operations.mutation(&ada, "items:add", &arguments, replay("1")).await.unwrap();
        assert_eq!((&first.output, first.ts), (&again.output, again.ts));

        let other = json!({ "n": 8, "tag": "a" });
        let reused = house.operations.mutation(&ada, "items:add", &other, replay("1")).await;
        assert_eq!(reused.unwrap_err().tag, "request_reused");
        let eve = house.somebody(&organization, Role::Owner).await;
        let stolen = house.operations.mutation(&eve, "items:add", &arguments, replay("1")).await;
        assert_eq!(stolen.unwrap_err().tag, "request_of_another");

        // What failed had no effect: it is tried again.
        let fails = json!({ "n": 9, "tag": "fail" });
        for _ in 0..2 {
            let failed = house.operations.mutation(&ada, "items:add", &fails, replay("2")).await;
            assert_eq!(failed.unwrap_err().tag, "unwanted");
        }
        assert_eq!(database.number("select count(*) as n from replays").await, 1);
        let sweeps = engine::Handlers::new().sweeps().to_vec();
        let retention = engine::Retention::new(&sweeps, |_| None);
        retention
            .run(&engine::ScopedDb::new(&database.db, kernel::Scope::System), house.clock.now() + hours(25))
            .await
            .unwrap();
        assert_eq!(database.number("select count(*) as n from replays").await, 0);
    })
    .await;
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused_with_the_reason() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(&house.organization(), Role::Staff).await;
        for (arguments, part) in [
            (json!({ "n": 1 }), "missing field `tag`"),
            (json!({ "n": 1, "tag": "a", "org_id": "org_x" }), "no argument \"org_id\""),
            (json!({ "n": "1", "tag": "a" }), "invalid type: string"),
            (json!([1]), "one object"),
        ] {
            let error = house.operations.mutation(&ada, "items:add", &arguments, None).await.unwrap_err();
            assert_eq!((error.code, error.message.contains(part)), (Code::BadRequest, true), "{error}");
        }
        let unknown = house.operations.query(&ada, "items:nothing", json!({})).await.unwrap_err();
        assert_eq!(unknown.tag, "operation_unknown");
        let wrong = house.operations.query(&ada, "items:add", json!({})).await.unwrap_err();
        assert_eq!(wrong.tag, "operation_kind");
        assert_eq!(house.operations.query(&ada, "items.js:list", json!([{}])).await.unwrap(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn questions_are_answered_together_and_one_that_fails_fails_alone() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(&house.organization(), Role::Staff).await;
        let before = house.operations.mutation(&ada, "items:add", &json!({ "n": 1, "tag": "a" }), None).await.unwrap();
        let ask =
            |operation: &str| QueryRequest { operation: operation.to_owned(), arguments: json!({}), journal: None };
        let snapshot = house.operations.snapshot(&ada, vec![ask("items:list"), ask("items:none"), ask("items:list")]);
        let snapshot = snapshot.await.unwrap();
        assert!(snapshot.ts > before.ts);
        let good: Vec<_> = snapshot.answers.iter().map(|answer| answer.outcome.is_ok()).collect();
        assert_eq!(good, [true, false, true]);
        let reads: Vec<_> =
            snapshot.answers[0].reads.tables.iter().map(|table| (&*table.name, table.is_tenant)).collect();
        assert_eq!(reads, [("items", true)]);
        assert_eq!(snapshot.answers[0].reads.organization, ada.organization);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_means_nothing_to_another_organization() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(&house.organization(), Role::Staff).await;
        let eve = house.somebody(&house.organization(), Role::Staff).await;
        for n in 1..=3 {
            house.add(&ada, n, "a").await.unwrap();
        }
        let page = |cursor: Option<&str>| json!({ "paginationOpts": { "numItems": 2, "cursor": cursor, "id": 1 } });
        let first = house.operations.query(&ada, "items:page", page(None)).await.unwrap();
        assert_eq!((first["page"].as_array().unwrap().len(), &first["isDone"]), (2, &json!(false)));
        let cursor = first["continueCursor"].as_str();
        let second = house.operations.query(&ada, "items:page", page(cursor)).await.unwrap();
        assert_eq!((&second["page"], &second["isDone"]), (&json!([{ "n": 3, "tag": "a" }]), &json!(true)));
        let foreign = house.operations.query(&eve, "items:page", page(cursor)).await.unwrap_err();
        assert_eq!(foreign.tag, "InvalidCursor");
    })
    .await;
}

#[tokio::test]
async fn every_commit_is_told_of_before_its_writer_hears() {
    both(|database| async move {
        let house = House::new(&database).await;
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = heard.clone();
        database.db.on_commit(Arc::new(move |commit| {
            let names: Vec<_> = commit.tables.iter().map(|table| table.name.to_string()).collect();
            told.lock().unwrap().push((commit.organization.clone(), names));
        }));
        let ada = house.somebody(&house.organization(), Role::Staff).await;
        house.add(&ada, 1, "a").await.unwrap();
        house.add(&ada, 2, "fail").await.unwrap_err();
        house.operations.query(&ada, "items:list", json!({})).await.unwrap();
        assert_eq!(*heard.lock().unwrap(), [(ada.organization.clone(), vec!["items".to_owned()])]);
    })
    .await;
}

#[test]
fn timestamps_only_grow() {
    let clock = TestClock::new();
    let timestamps = engine::Timestamps::new(World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(1))));
    let mut last = 0;
    for turn in 0..1000_u64 {
        let next = timestamps.next();
        assert!(next > last);
        last = next;
        if turn == 500 {
            timestamps.observe(last + 1_000_000_000_000);
        }
    }
    timestamps.observe(u64::MAX);
    assert_eq!(timestamps.next(), u64::try_from(i64::MAX).unwrap());
}
