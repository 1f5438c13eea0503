//! Live queries: who watches is shown what is new, and nothing else.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use engine::{
    Asked, Caller, Claims, Directory, Identity, Live, LiveOptions, Member, Moment, Mutation, MutationCtx, Operations,
    Query, QueryCtx, Registry, SystemRandom, View, Who, World, get, operation::Route, post,
};
use kernel::{Access, Clock, Code, Error, Id, OrgId, Page, PageOptions, Result, Role, Scope, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Db, FromRow, Migration, MigrationSet, Row, Tx};
use testkit::{TestClock, TestDb, both, hours, minutes, postgres};
use tokio::sync::Semaphore;

const TABLES: MigrationSet = MigrationSet {
    name: "live",
    migrations: &[Migration::portable(
        "0001_live",
        "create table items (org_id text not null, n bigint not null, primary key (org_id, n));
         create table notes (org_id text not null, n bigint not null, primary key (org_id, n));
         create table people (org_id text not null, subject text not null, role text not null, primary key (org_id, subject));
         create table weather (sky text not null)",
    )],
};

/// How often the queries of an organization ran. Ids are made by chance, so that tests do not meet here.
fn runs(organization: Option<&OrgId>) -> usize {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner).get(&organization.cloned()).copied().unwrap_or_default()
}

static RUNS: LazyLock<Mutex<HashMap<Option<OrgId>, usize>>> = LazyLock::new(Mutex::default);

fn ran(ctx: &QueryCtx<'_>) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    *runs.entry(ctx.caller().organization.clone()).or_default() += 1;
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Item {
    n: i64,
}

impl FromRow for Item {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { n: row.int("n")? })
    }
}

impl engine::Placed for Item {
    fn place(&self) -> engine::Place {
        engine::Place(vec![self.n.into(), "".into()])
    }
}

/// Declares a query that answers the numbers of a statement. `turn` makes a question another one; it says nothing.
macro_rules! numbers {
    ($query:ident, $name:literal, $access:expr, $path:literal, $sql:literal) => {
        /// Numbers.
        #[derive(Deserialize, JsonSchema)]
        struct $query {
            #[serde(default, rename = "turn")]
            _turn: usize,
        }

        #[async_trait]
        impl Query for $query {
            const NAME: &'static str = $name;
            const ACCESS: Access = $access;
            const ROUTE: Route = get($path);
            type Output = Vec<i64>;

            async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<i64>> {
                ran(ctx);
                ctx.db.query($sql).rows().await?.iter().map(|row| row.int("n")).collect()
            }
        }
    };
}

numbers!(ListItems, "items:list", Access::any_role(), "/i", "select n from items where org_id = $1 order by n");
numbers!(ListNotes, "notes:list", Access::any_role(), "/n", "select n from notes where org_id = $1 order by n");
numbers!(Secrets, "items:secrets", Access::role(Role::Admin), "/s", "select n from items where org_id = $1 order by n");
// Without a person who reads it, PostgreSQL refuses to divide by zero, and SQLite answers null: both are no number.
numbers!(
    Halves,
    "items:shares",
    Access::any_role(),
    "/h",
    "select 100 / n as n from items where org_id = $1 order by n"
);

/// Items, as soon as somebody opens the gate.
#[derive(Deserialize, JsonSchema)]
struct SlowItems {}

static GATE: Semaphore = Semaphore::const_new(0);

#[async_trait]
impl Query for SlowItems {
    const NAME: &'static str = "items:slow";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/slow");
    type Output = Vec<i64>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<i64>> {
        GATE.acquire().await.expect("the gate is never closed").forget();
        ListItems { _turn: 0 }.run(ctx).await
    }
}

/// The sky over the installation.
#[derive(Deserialize, JsonSchema)]
struct Sky {}

#[async_trait]
impl Query for Sky {
    const NAME: &'static str = "weather:sky";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/sky");
    type Output = Vec<String>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<String>> {
        ran(ctx);
        ctx.db.system("select sky from weather").rows().await?.iter().map(|row| row.text("sky")).collect()
    }
}

/// Who asks.
#[derive(Deserialize, JsonSchema)]
struct Me {}

#[async_trait]
impl Query for Me {
    const NAME: &'static str = "people:me";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/me");
    const PERSONAL: bool = true;
    type Output = (String, String);

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<(String, String)> {
        ran(ctx);
        let member = ctx.caller().member()?;
        Ok((member.name.clone(), member.role.as_str().to_owned()))
    }
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
    const ROUTE: Route = get("/p");
    type Output = Page<Item>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Item>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move {
                let ((after, _), (until, _)) = range.ascending();
                db.query("select n from items where org_id = $1 and n > $2 and n <= $3 order by n limit $4")
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

/// Declares a mutation that runs statements with the number it is given.
macro_rules! mutation {
    ($mutation:ident, $name:literal, $path:literal, $($sql:literal),+) => {
        /// Change something.
        #[derive(Clone, Serialize, Deserialize, JsonSchema)]
        struct $mutation {
            n: i64,
        }

        #[async_trait]
        impl Mutation for $mutation {
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::any_role();
            const ROUTE: Route = post($path);
            type Output = i64;

            async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<i64> {
                $(ctx.db.query($sql).bind(self.n).execute().await?;)+
                Ok(self.n)
            }
        }
    };
}

mutation!(AddItem, "items:add", "/i", "insert into items (org_id, n) values ($1, $2)");
mutation!(DropItem, "items:drop", "/d", "delete from items where org_id = $1 and n = $2");
mutation!(AddNote, "notes:add", "/n", "insert into notes (org_id, n) values ($1, $2)");
mutation!(
    AddBoth,
    "both:add",
    "/b",
    "insert into items (org_id, n) values ($1, $2)",
    "insert into notes (org_id, n) values ($1, $2)"
);

/// People are those of the table `people`.
struct People;

#[async_trait]
impl Directory for People {
    async fn organization(&self, _tx: &mut Tx, shown: &Identity, _wanted: Option<&str>) -> Result<Option<OrgId>> {
        let Identity::Token(claims) = shown else { return Ok(None) };
        claims.organization.as_deref().map(OrgId::parse).transpose()
    }

    async fn caller(&self, tx: &mut Tx, organization: Option<&OrgId>, shown: &Identity) -> Result<Caller> {
        let mut member = None;
        if let (Identity::Token(claims), Some(_)) = (shown, organization) {
            let person = tx.query("select role from people where org_id = $1 and subject = $2").bind(&claims.subject);
            let Some(person) = person.row().await? else {
                return Err(Error::new(Code::Unauthenticated, "removed", "you do not belong here any more"));
            };
            let (user, name) = (Id::parse(&claims.subject)?, claims.subject.clone());
            let role = Role::parse(&person.text("role")?)?;
            member = Some(Member { user, name, role, customer: None, impersonator: None });
        }
        Ok(Caller { identity: shown.clone(), organization: organization.cloned(), member, key_role: None, until: None })
    }
}

/// A node.
struct House {
    db: Db,
    operations: Operations,
    live: Live,
    clock: TestClock,
}

impl House {
    async fn new(database: &TestDb) -> Self {
        Self::with(&database.db, TestClock::new(), LiveOptions::default()).await
    }

    async fn with(db: &Db, clock: TestClock, options: LiveOptions) -> Self {
        let world = World::new(Arc::new(clock.clone()), Arc::new(SystemRandom));
        store::migrate(db, &[engine::MIGRATIONS, TABLES], world.now())
            .await
            .expect("an empty database can be migrated");
        let mut registry = Registry::new();
        registry.query::<ListItems>().query::<ListNotes>().query::<Secrets>().query::<Halves>().query::<PageItems>();
        registry.query::<Sky>().query::<Me>().query::<SlowItems>();
        registry.mutation::<AddItem>().mutation::<DropItem>().mutation::<AddNote>().mutation::<AddBoth>();
        let operations = Operations::new(registry.freeze(), db.clone(), world, Arc::new(People), &[1; 32]);
        let live = Live::start(&operations, options);
        Self { db: db.clone(), operations, live, clock }
    }

    /// Somebody new, in a new organization.
    async fn somebody(&self) -> Who {
        self.join(&self.operations.world().new_id(), Role::Staff).await
    }

    /// Somebody new in this organization.
    async fn join(&self, organization: &OrgId, role: Role) -> Who {
        let subject = self.operations.world().new_id::<kernel::prefix::User>().to_string();
        self.employ(organization, &subject, Some(role)).await;
        let claims = Claims {
            issuer: "https://issuer.test".to_owned(),
            organization: Some(organization.to_string()),
            role: None,
            email: None,
            first_name: None,
            last_name: None,
            picture: None,
            expires_at: self.clock.now() + hours(1),
            all: Map::from_iter([("sub".to_owned(), json!(subject)), ("exp".to_owned(), json!(1))]),
            subject,
        };
        Who { identity: Identity::Token(Arc::new(claims)), organization: Some(organization.clone()), origin: None }
    }

    /// Gives somebody a role, or none any more.
    async fn employ(&self, organization: &OrgId, subject: &str, role: Option<Role>) {
        let subject = subject.to_owned();
        let write = store::work(move |tx| {
            let subject = subject.clone();
            Box::pin(async move {
                tx.query("delete from people where org_id = $1 and subject = $2").bind(&subject).execute().await?;
                if let Some(role) = role {
                    let insert = tx.query("insert into people (org_id, subject, role) values ($1, $2, $3)");
                    insert.bind(subject).bind(role.as_str()).execute().await?;
                }
                Ok(())
            })
        });
        self.db.write(&Scope::Organization(organization.clone()), write).await.expect("people come and go");
    }

    async fn does(&self, who: &Who, operation: &str, n: i64) -> u64 {
        let done = self.operations.mutation(who, operation, &json!({ "n": n }), None).await;
        done.expect("the mutation succeeds").ts
    }

    fn view(&self, who: &Who, queries: &[&str]) -> View {
        let mut view = self.live.view(who.clone());
        for (id, query) in (0..).zip(queries) {
            view.add(id, asked(query, json!({})));
        }
        view
    }
}

fn asked(operation: &str, arguments: Value) -> Asked {
    Asked { operation: operation.to_owned(), arguments, journal: None }
}

fn subject(who: &Who) -> &str {
    match &who.identity {
        Identity::Token(claims) => &claims.subject,
        Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) => panic!("only tokens have subjects"),
    }
}

/// The same person with a newer token.
fn refreshed(who: &Who, expires_at: Time) -> Who {
    let Identity::Token(claims) = &who.identity else { panic!("only tokens are refreshed") };
    let mut claims = (**claims).clone();
    claims.expires_at = expires_at;
    claims.all.insert("exp".to_owned(), json!(expires_at.ms()));
    Who { identity: Identity::Token(Arc::new(claims)), ..who.clone() }
}

/// What a moment says, by query; the tags of errors.
fn said(moment: &Moment) -> HashMap<u32, Value> {
    let said = |shown: &engine::Shown| match &shown.outcome {
        Ok(text) => serde_json::from_str(text).expect("an answer is JSON"),
        Err(error) => json!(error.tag),
    };
    moment.updates.iter().map(|update| (update.id, said(&update.shown))).collect()
}

async fn next(view: &mut View) -> HashMap<u32, Value> {
    said(&view.advance(0).await.expect("the view moves on"))
}

/// Waits until it is woken. The bound only ends a test that would never end.
async fn woken(view: &mut View) {
    tokio::time::timeout(Duration::from_secs(20), view.changed()).await.expect("the view is woken");
}

/// Whether it sleeps, while everything that could wake it has been done.
async fn sleeps(view: &mut View) -> bool {
    tokio::time::timeout(Duration::from_millis(50), view.changed()).await.is_err()
}

#[tokio::test]
async fn a_commit_reaches_those_who_watch_its_table_and_nobody_else() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let eve = house.somebody().await;
        let mut items = house.view(&ada, &["items:list"]);
        let mut notes = house.view(&ada, &["notes:list"]);
        let mut others = house.view(&eve, &["items:list"]);
        for view in [&mut items, &mut notes, &mut others] {
            assert_eq!(next(view).await, HashMap::from([(0, json!([]))]));
        }
        let (of_ada, of_eve) = (runs(ada.organization.as_ref()), runs(eve.organization.as_ref()));
        house.does(&ada, "items:add", 1).await;
        woken(&mut items).await;
        assert_eq!(next(&mut items).await, HashMap::from([(0, json!([1]))]));
        assert!(sleeps(&mut notes).await && sleeps(&mut others).await && sleeps(&mut items).await);
        assert_eq!((next(&mut notes).await, next(&mut others).await), Default::default());
        assert_eq!((runs(ada.organization.as_ref()), runs(eve.organization.as_ref())), (of_ada + 1, of_eve));
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_views_of_a_query_cost_one_run() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut views = Vec::new();
        for _ in 0..10_000 {
            let mut view = house.view(&ada, &["items:list"]);
            next(&mut view).await;
            views.push(view);
        }
        assert_eq!(runs(ada.organization.as_ref()), 1);
        house.does(&ada, "items:add", 1).await;
        let mut shown = Vec::new();
        for view in &mut views {
            woken(view).await;
            shown.push(view.advance(0).await.unwrap().updates.remove(0).shown);
        }
        assert_eq!(runs(ada.organization.as_ref()), 2);
        assert!(shown.iter().all(|other| Arc::ptr_eq(other, &shown[0])));
    })
    .await;
}

#[tokio::test]
async fn people_of_one_role_share_what_is_not_about_themselves() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let (bob, eve) = (house.join(&organization, Role::Viewer).await, house.join(&organization, Role::Viewer).await);
        let mut views =
            [house.view(&bob, &["items:list", "people:me"]), house.view(&eve, &["items:list", "people:me"])];
        let (one, other) = (views[0].advance(0).await.unwrap(), views[1].advance(0).await.unwrap());
        assert_eq!(runs(Some(&organization)), 3);
        assert_eq!(said(&one)[&1], json!([subject(&bob), "viewer"]));
        assert_eq!(said(&other)[&1], json!([subject(&eve), "viewer"]));
    })
    .await;
}

#[tokio::test]
async fn what_did_not_change_is_not_repeated() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut view = house.view(&ada, &["items:list", "notes:list"]);
        assert_eq!(next(&mut view).await.len(), 2);
        assert!(next(&mut view).await.is_empty());
        house.does(&ada, "items:drop", 7).await;
        assert!(sleeps(&mut view).await && next(&mut view).await.is_empty());
        house.does(&ada, "items:add", 7).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([7]))]));
        view.remove(1);
        house.does(&ada, "both:add", 8).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([7, 8]))]));
    })
    .await;
}

#[tokio::test]
async fn whoever_writes_sees_it_at_the_next_moment() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut view = house.view(&ada, &["items:list"]);
        let mut last = view.advance(0).await.unwrap().ts;
        for n in 1..=50 {
            let ts = house.does(&ada, "items:add", n).await;
            let moment = view.advance(ts).await.unwrap();
            assert!(moment.ts >= ts && moment.ts > last);
            assert_eq!(said(&moment), HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
            last = moment.ts;
        }
        let later = view.advance(last + 1_000_000).await.unwrap();
        assert!(later.ts >= last + 1_000_000 && later.updates.is_empty());
    })
    .await;
}

/// Writers write to both tables in one transaction while views look; what a view shows of them is always the same.
async fn agree(writer: &House, reader: &House) {
    let ada = writer.somebody().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut watching = Vec::new();
    for turn in 0..4 {
        let names = if turn % 2 == 0 { ["items:list", "notes:list"] } else { ["notes:list", "items:list"] };
        let mut view = reader.view(&ada, &names[..1]);
        let is_over = is_over.clone();
        watching.push(async move {
            let (mut shown, mut ts, mut asks) = (HashMap::new(), 0, 0);
            while !is_over.load(Ordering::SeqCst) {
                let moment = view.advance(0).await.expect("the view moves on");
                assert!(moment.ts >= ts, "time goes back");
                ts = moment.ts;
                shown.extend(said(&moment));
                assert!(shown.len() == 1 || shown[&0] == shown[&1], "two queries at two moments: {shown:?}");
                // The other query comes new and goes, while the first one is known already.
                if shown.len() == 1 {
                    asks += 4;
                    view.add(1, asked(names[1], json!({ "turn": turn + asks })));
                } else if moment.updates.is_empty() {
                    view.remove(1);
                    shown.remove(&1);
                }
                tokio::task::yield_now().await;
            }
            // In the end nothing is missing.
            while shown[&0].as_array().map(Vec::len) != Some(120) {
                woken(&mut view).await;
                shown.extend(next(&mut view).await);
            }
        });
    }
    let writing = async {
        for first in 0..40 {
            let writes = (0..3).map(|writer_number| writer.does(&ada, "both:add", first * 3 + writer_number));
            futures_util::future::join_all(writes).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    futures_util::future::join(writing, futures_util::future::join_all(watching)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_of_a_view_are_of_one_moment() {
    both(|database| async move {
        let house = House::new(&database).await;
        agree(&house, &house).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_of_a_view_are_of_one_moment_when_another_node_writes() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, LiveOptions::default()).await;
        agree(&one, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_query_that_fails_fails_alone_and_heals() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut view = house.view(&ada, &["items:shares", "items:list", "items:secrets", "nothing:here", "notes:list"]);
        let first = next(&mut view).await;
        assert_eq!((&first[&0], &first[&1], &first[&4]), (&json!([]), &json!([]), &json!([])));
        assert_eq!((&first[&2], &first[&3]), (&json!("role_insufficient"), &json!("operation_unknown")));
        house.does(&ada, "items:add", 0).await;
        let broken = next(&mut view).await;
        assert!(broken[&0].is_string(), "{broken:?}");
        assert_eq!((&broken[&1], broken.len()), (&json!([0]), 2));
        // It still fails, in the same way: nobody has to be told.
        house.does(&ada, "items:add", 4).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!([0, 4]))]));
        house.does(&ada, "items:drop", 0).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([25])), (1, json!([4]))]));
    })
    .await;
}

#[tokio::test]
async fn a_slow_query_holds_up_no_other_organization() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, eve) = (house.somebody().await, house.somebody().await);
        let mut slow = house.view(&ada, &["items:slow", "items:list"]);
        let mut quick = house.view(&eve, &["items:list"]);
        next(&mut quick).await;
        // Whoever waits may leave and come again.
        assert!(tokio::time::timeout(Duration::from_millis(100), slow.advance(0)).await.is_err());
        for n in 1..=3 {
            house.does(&eve, "items:add", n).await;
            woken(&mut quick).await;
            assert_eq!(next(&mut quick).await, HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
        }
        house.does(&ada, "items:add", 1).await;
        GATE.add_permits(2);
        assert_eq!(next(&mut slow).await, HashMap::from([(0, json!([1])), (1, json!([1]))]));
    })
    .await;
}

#[tokio::test]
async fn pages_stay_without_gaps_while_rows_come_and_go() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        for n in [10, 20, 30, 40] {
            house.does(&ada, "items:add", n).await;
        }
        let page = |cursor: Option<&Value>| json!({ "paginationOpts": { "numItems": 2, "cursor": cursor } });
        let mut view = house.live.view(ada.clone());
        view.add(1, asked("items:page", page(None)));
        let first = view.advance(0).await.unwrap();
        let (cursor, journal) = (said(&first)[&1]["continueCursor"].clone(), first.updates[0].shown.journal.clone());
        view.add(2, asked("items:page", page(Some(&cursor))));
        next(&mut view).await;
        for n in [5, 15, 25, 45] {
            house.does(&ada, "items:add", n).await;
        }
        house.does(&ada, "items:drop", 20).await;
        let pages = next(&mut view).await;
        assert_eq!(pages[&1]["page"], json!([{ "n": 5 }, { "n": 10 }, { "n": 15 }]));
        assert_eq!(pages[&2]["page"], json!([{ "n": 25 }, { "n": 30 }, { "n": 40 }, { "n": 45 }]));

        // Who comes back with the journal sees the same part; who comes new, one of the size that they ask for.
        let mut again = house.live.view(ada.clone());
        again.add(1, Asked { journal, ..asked("items:page", page(None)) });
        again.add(2, asked("items:page", page(None)));
        let pages = next(&mut again).await;
        assert_eq!(pages[&1]["page"], json!([{ "n": 5 }, { "n": 10 }, { "n": 15 }]));
        assert_eq!(pages[&2]["page"], json!([{ "n": 5 }, { "n": 10 }]));
    })
    .await;
}

#[tokio::test]
async fn another_role_shows_another_answer_and_a_removed_person_is_told() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let eve = house.join(&organization, Role::Admin).await;
        let mut view = house.view(&ada, &["items:secrets", "people:me"]);
        let mut admin = house.view(&eve, &["items:secrets"]);
        assert_eq!(next(&mut view).await[&0], json!("role_insufficient"));
        assert_eq!(next(&mut admin).await[&0], json!([]));

        house.employ(&organization, subject(&ada), Some(Role::Admin)).await;
        woken(&mut view).await;
        let promoted = next(&mut view).await;
        assert_eq!((&promoted[&0], &promoted[&1]), (&json!([]), &json!([subject(&ada), "admin"])));
        // The one whose rights the shared query was asked with loses them; the other does not notice.
        house.employ(&organization, subject(&eve), Some(Role::Viewer)).await;
        assert_eq!(next(&mut admin).await[&0], json!("role_insufficient"));
        house.does(&ada, "items:add", 1).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
        assert!(next(&mut admin).await.is_empty());

        house.employ(&organization, subject(&ada), None).await;
        woken(&mut view).await;
        assert_eq!(view.advance(0).await.unwrap_err().code, Code::Unauthenticated);
        assert!(next(&mut admin).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_token_that_expires_ends_the_view_and_a_refreshed_one_costs_nothing() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let organization = ada.organization.as_ref();
        let (mut stays, mut ends) = (house.view(&ada, &["items:list"]), house.view(&ada, &["items:list"]));
        next(&mut stays).await;
        next(&mut ends).await;
        let before = runs(organization);
        stays.set_who(refreshed(&ada, house.clock.now() + hours(9)));
        assert!(next(&mut stays).await.is_empty());
        assert_eq!(runs(organization), before);

        house.clock.advance(hours(2));
        woken(&mut ends).await;
        assert_eq!(ends.advance(0).await.unwrap_err().code, Code::Unauthenticated);
        // What both watch is asked with the token that is still good.
        house.does(stays.who(), "items:add", 1).await;
        assert_eq!(next(&mut stays).await, HashMap::from([(0, json!([1]))]));
        ends.set_who(refreshed(&ada, house.clock.now() + hours(9)));
        assert_eq!(next(&mut ends).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

#[tokio::test]
async fn for_somebody_else_everything_is_asked_anew() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, eve) = (house.somebody().await, house.somebody().await);
        house.does(&ada, "items:add", 1).await;
        let mut view = house.view(&ada, &["items:list", "people:me", "weather:sky"]);
        next(&mut view).await;
        view.set_who(eve.clone());
        let other = next(&mut view).await;
        assert_eq!(other, HashMap::from([(0, json!([])), (1, json!([subject(&eve), "staff"]))]));
        view.set_who(Who { identity: Identity::Anonymous, organization: None, origin: None });
        let nobody = next(&mut view).await;
        assert_eq!(nobody, HashMap::from([(0, json!("sign_in_needed")), (1, json!("sign_in_needed"))]));
        house.does(&eve, "items:add", 1).await;
        assert!(sleeps(&mut view).await);
        database.execute("insert into weather (sky) values ('blue')").await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(2, json!(["blue"]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_shows_every_mutation_that_is_not_younger() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut view = house.view(&ada, &["items:list"]);
        view.advance(0).await.unwrap();
        let writers = (0..4).map(|writer: i64| {
            let (operations, ada) = (house.operations.clone(), ada.clone());
            tokio::spawn(async move {
                let mut done = Vec::new();
                for n in writer * 100 + 1..=writer * 100 + 25 {
                    let add = operations.mutation(&ada, "items:add", &json!({ "n": n }), None).await;
                    done.push((add.expect("the mutation succeeds").ts, n));
                }
                done
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut moments = Vec::new();
        let mut list = json!([]);
        while list.as_array().unwrap().len() < 100 {
            woken(&mut view).await;
            let moment = view.advance(0).await.unwrap();
            list = said(&moment).remove(&0).unwrap_or(list);
            moments.push((moment.ts, list.clone()));
        }
        for writer in writers {
            for (ts, n) in writer.await.unwrap() {
                for (_, list) in moments.iter().filter(|(moment, _)| *moment >= ts) {
                    assert!(list.as_array().unwrap().contains(&json!(n)), "{n} is not at a moment after it");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_nobody_reaches_everybody() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, eve) = (house.somebody().await, house.somebody().await);
        let mut views = [house.view(&ada, &["weather:sky"]), house.view(&eve, &["weather:sky"])];
        for view in &mut views {
            next(view).await;
        }
        database.execute("insert into weather (sky) values ('grey')").await;
        for view in &mut views {
            woken(view).await;
            assert_eq!(next(view).await, HashMap::from([(0, json!(["grey"]))]));
        }
    })
    .await;
}

#[tokio::test]
async fn timestamps_do_not_go_back_when_the_clock_did_and_the_process_starts_again() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let before = house.view(&ada, &["items:list"]).advance(0).await.unwrap().ts;
        let clock = TestClock::at(house.clock.now());
        drop(house);
        clock.set(clock.now() - hours(5));
        let again = House::with(&database.open().await, clock.clone(), LiveOptions::default()).await;
        let mut view = again.view(&ada, &["items:list"]);
        let mut after = view.advance(0).await.unwrap().ts;
        assert!(after > before);
        for _ in 0..5 {
            clock.advance(minutes(1));
            let later = view.advance(0).await.unwrap().ts;
            assert!(later > after);
            after = later;
        }
        clock.advance(hours(4) + minutes(54));
        assert!(view.advance(0).await.unwrap().ts > after);
        // A number from a future that cannot be does not take the clock with it.
        assert!(
            view.advance(u64::MAX).await.unwrap().ts
                < u64::try_from((clock.now() + hours(3)).ms()).unwrap() * 1_000_000
        );
    })
    .await;
}

/// Two nodes of one installation.
async fn nodes(database: &TestDb, options: LiveOptions) -> (House, House) {
    let one = House::with(&database.db, TestClock::new(), options).await;
    let other = House::with(&database.open().await, one.clock.clone(), options).await;
    (one, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_one_node_wakes_the_views_of_another_without_a_poll() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, LiveOptions { poll: hours(1), ..LiveOptions::default() }).await;
        let ada = one.somebody().await;
        let mut view = other.view(&ada, &["items:list", "weather:sky"]);
        next(&mut view).await;
        // Once it listens, it hears everything.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for n in 1..=20 {
            let ts = one.does(&ada, "items:add", n).await;
            woken(&mut view).await;
            let moment = view.advance(0).await.unwrap();
            assert_eq!(said(&moment), HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
            assert!(moment.ts > ts - 1_000_000);
        }
        database.execute("insert into weather (sky) values ('blue')").await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!(["blue"]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_its_line_to_the_others_finds_what_it_missed() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, LiveOptions { poll: hours(1), ..LiveOptions::default() }).await;
        let ada = one.somebody().await;
        let mut view = other.view(&ada, &["items:list"]);
        next(&mut view).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut hand = database.by_hand().await;
        hand.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query like 'LISTEN%'",
        )
        .await;
        one.does(&ada, "items:add", 1).await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

/// What a transaction of another node writes that nobody is notified of.
fn silent(organization: &OrgId, n: i64) -> String {
    format!(
        "insert into items (org_id, n) values ('{organization}', {n});
         insert into changes (xid, organization, tables, ts, created_ms)
         values (pg_current_xact_id()::text::bigint, '{organization}', 'items', 1, 1)"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_wake_up_a_node_looks_by_itself() {
    postgres(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let mut view = house.view(&ada, &["items:list"]);
        next(&mut view).await;
        database.by_hand().await.run(&silent(&organization, 1)).await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_node_has_seen_is_forgotten() {
    postgres(|database| async move {
        drop(House::new(&database).await);
        let now = TestClock::new().now();
        let mut hand = database.by_hand().await;
        for age in [hours(2), minutes(1)] {
            hand.run(&format!(
                "insert into changes (xid, organization, tables, ts, created_ms)
                 select 1, '', 'weather', 1, {} from generate_series(1, 700)",
                (now - age).ms()
            ))
            .await;
        }
        let _house = House::new(&database).await;
        let left = async {
            while database.number("select count(*) as n from changes").await != 700 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), left).await.expect("old rows go");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(database.number("select count(*) as n from changes").await, 700);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_after_younger_ones_is_not_missed() {
    postgres(|database| async move {
        let poll = Duration::from_millis(20);
        let house = House::with(&database.db, TestClock::new(), LiveOptions { poll, ..LiveOptions::default() }).await;
        let ada = house.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let mut view = house.view(&ada, &["items:list"]);
        next(&mut view).await;
        let mut hands = Vec::new();
        for n in 1..=3 {
            let mut hand = database.by_hand().await;
            hand.run("begin").await;
            hand.run(&silent(&organization, n)).await;
            hands.push(hand);
        }
        let mut there = Vec::new();
        // The oldest commits last; in between others come and go, and the node looks.
        for n in [3_i64, 2, 1] {
            house.does(&ada, "items:add", n * 10).await;
            there.push(n * 10);
            let mut shown = Value::Null;
            for _ in 0..3 {
                shown = next(&mut view).await.remove(&0).unwrap_or(shown);
                tokio::time::sleep(poll * 2).await;
            }
            hands.remove(usize::try_from(n - 1).unwrap()).run("commit").await;
            there.push(n);
            there.sort_unstable();
            woken(&mut view).await;
            assert_eq!(next(&mut view).await, HashMap::from([(0, json!(there))]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_organizations_are_kept_up_to_date_beside_one_another() {
    both(|database| async move {
        let house = Arc::new(House::new(&database).await);
        let mut watching = Vec::new();
        for _ in 0..100 {
            let house = house.clone();
            watching.push(tokio::spawn(async move {
                let who = house.somebody().await;
                let mut views: Vec<_> = (0..5).map(|_| house.view(&who, &["items:list"])).collect();
                for view in &mut views {
                    next(view).await;
                }
                for n in 0..5 {
                    house.does(&who, "items:add", n).await;
                    for view in &mut views {
                        woken(view).await;
                        assert_eq!(next(view).await[&0].as_array().unwrap().len(), usize::try_from(n + 1).unwrap());
                    }
                }
                assert!(runs(who.organization.as_ref()) <= 12);
            }));
        }
        for watch in watching {
            watch.await.unwrap();
        }
    })
    .await;
}
