//! A small product on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use engine::{
    Accepted, Action, ActionCtx, Caller, Claims, Delivery, Directory, Identity, Intake, Live, LiveOptions, Mutation,
    MutationCtx, Operations, Place, Placed, Query, QueryCtx, Registry, World, get, operation::Route, post,
};
use kernel::{Access, Clock, Code, Error, OrgId, PageOptions, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use server::{Api, Authenticator, Installation, Options, Server};
use store::{FromRow, Migration, MigrationSet, Reader, Row, Tx};
use testkit::{TestClock, TestDb, TestRandom, hours};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::client::Client;

const TABLES: MigrationSet = MigrationSet {
    name: "product",
    migrations: &[Migration::portable(
        "0001_product",
        "create table kv (org_id text not null, key text not null, v text not null, primary key (org_id, key));
         create table numbers (org_id text not null, n bigint not null, primary key (org_id, n))",
    )],
};

/// Returns the value of a key.
#[derive(Deserialize, JsonSchema)]
struct Get {
    key: String,
}

#[async_trait]
impl Query for Get {
    const NAME: &'static str = "kv:get";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/kv");
    type Output = Value;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Value> {
        read(ctx.db, &self.key).await
    }
}

async fn read(db: &mut Reader, key: &str) -> Result<Value> {
    let row = db.query("select v from kv where org_id = $1 and key = $2").bind(key).row().await?;
    let text = row.map(|row| row.text("v")).transpose()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

async fn write(tx: &mut Tx, key: &str, v: &Value) -> Result<()> {
    tx.query(
        "insert into kv (org_id, key, v) values ($1, $2, $3) on conflict (org_id, key) do update set v = excluded.v",
    )
    .bind(key)
    .bind(v.to_string())
    .execute()
    .await
    .map(drop)
}

/// Sets the value of a key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Set {
    key: String,
    v: Value,
}

#[async_trait]
impl Mutation for Set {
    const NAME: &'static str = "kv:set";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv");
    type Output = Value;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Value> {
        write(ctx.db, &self.key, &self.v).await?;
        Ok(self.v)
    }
}

/// Sets the value of two keys.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct SetPair {
    v: Value,
}

#[async_trait]
impl Mutation for SetPair {
    const NAME: &'static str = "kv:setPair";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv/pair");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        write(ctx.db, "a", &self.v).await?;
        write(ctx.db, "b", &self.v).await
    }
}

/// Appends to the list of a key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Append {
    key: String,
    v: Value,
}

#[async_trait]
impl Mutation for Append {
    const NAME: &'static str = "kv:append";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv/append");
    type Output = Value;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Value> {
        let mut list = read(ctx.db, &self.key).await?.as_array().cloned().unwrap_or_default();
        list.push(self.v);
        let list = Value::Array(list);
        write(ctx.db, &self.key, &list).await?;
        Ok(list)
    }
}

/// Fails with the caller's own data; without data, fails with an internal error.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Fail {
    data: Option<Value>,
}

#[async_trait]
impl Mutation for Fail {
    const NAME: &'static str = "kv:fail";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv/fail");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        write(ctx.db, "failed", &json!(true)).await?;
        Err(self.data.map_or_else(|| Error::internal("broken", "the secret is out"), Error::application))
    }
}

/// Fails while the value of `x` is odd.
#[derive(Deserialize, JsonSchema)]
struct FailIfOdd {}

#[async_trait]
impl Query for FailIfOdd {
    const NAME: &'static str = "kv:failIfOdd";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/kv/odd");
    type Output = Value;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Value> {
        let v = read(ctx.db, "x").await?;
        match v.as_i64() {
            Some(odd) if odd % 2 == 1 => Err(Error::application(json!({ "code": "ODD", "v": odd }))),
            _ => Ok(v),
        }
    }
}

/// Answers with a field that clients refuse.
#[derive(Deserialize, JsonSchema)]
struct BadField {}

#[async_trait]
impl Query for BadField {
    const NAME: &'static str = "util:badField";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/bad");
    type Output = Value;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<Value> {
        Ok(json!({ "straße": 1 }))
    }
}

/// Answers with its argument.
#[derive(Deserialize, JsonSchema)]
struct Echo {
    v: Value,
}

#[async_trait]
impl Query for Echo {
    const NAME: &'static str = "util:echo";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/echo");
    type Output = Value;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<Value> {
        Ok(self.v)
    }
}

/// Answers with so many letters, followed by the value of `x`.
#[derive(Deserialize, JsonSchema)]
struct Big {
    chars: usize,
}

#[async_trait]
impl Query for Big {
    const NAME: &'static str = "util:big";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/big");
    type Output = String;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<String> {
        Ok(format!("{}{}", "é".repeat(self.chars), read(ctx.db, "x").await?))
    }
}

/// Takes a while, then answers with its argument.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Act {
    v: Value,
    #[serde(default)]
    ms: u64,
}

#[async_trait]
impl Action for Act {
    const NAME: &'static str = "util:act";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/act");
    type Output = Value;

    async fn run(self, ctx: &ActionCtx) -> Result<Value> {
        tokio::time::sleep(Duration::from_millis(self.ms)).await;
        if self.v == json!("fail") {
            return Err(Error::application(json!("failed")));
        }
        ctx.mutation(Set { key: "acted".to_owned(), v: self.v.clone() }).await?;
        Ok(self.v)
    }
}

/// Returns the subject of the caller's token.
#[derive(Deserialize, JsonSchema)]
struct WhoAmI {}

#[async_trait]
impl Query for WhoAmI {
    const NAME: &'static str = "auth:whoami";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/whoami");
    const PERSONAL: bool = true;
    type Output = Option<String>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<String>> {
        Ok(match &ctx.caller()?.identity {
            Identity::Token(claims) => Some(claims.subject.clone()),
            Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => None,
        })
    }
}

/// Requires a signed-in caller.
#[derive(Deserialize, JsonSchema)]
struct MustBeUser {}

#[async_trait]
impl Query for MustBeUser {
    const NAME: &'static str = "auth:mustBeUser";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: Route = get("/v1/user");
    type Output = bool;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<bool> {
        Ok(true)
    }
}

#[derive(Serialize, JsonSchema)]
struct Number {
    n: i64,
}

impl FromRow for Number {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { n: row.int("n")? })
    }
}

impl Placed for Number {
    fn place(&self) -> Place {
        Place(vec![self.n.into(), "".into()])
    }
}

/// Returns a page of the numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PageNumbers {
    pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageNumbers {
    const NAME: &'static str = "numbers:page";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/numbers");
    type Output = kernel::Page<Number>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<kernel::Page<Number>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move {
                let ((after, _), (until, _)) = range.ascending();
                db.query("select n from numbers where org_id = $1 and n > $2 and n <= $3 order by n limit $4")
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

/// Adds a number.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct AddNumber {
    n: i64,
}

#[async_trait]
impl Mutation for AddNumber {
    const NAME: &'static str = "numbers:add";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/numbers");
    type Output = i64;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<i64> {
        ctx.db.query("insert into numbers (org_id, n) values ($1, $2)").bind(self.n).execute().await?;
        Ok(self.n)
    }
}

/// Two organizations: a caller who names none acts in the first.
struct Everybody([OrgId; 2]);

#[async_trait]
impl Directory for Everybody {
    async fn organization(&self, _tx: &mut Tx, _shown: &Identity, wanted: Option<&str>) -> Result<Option<OrgId>> {
        match wanted {
            None => Ok(Some(self.0[0].clone())),
            Some("acme") => Ok(Some(self.0[1].clone())),
            Some(_) => Err(Error::new(Code::Forbidden, "not_yours", "choose an organization of yours")),
        }
    }

    async fn caller(&self, _tx: &mut Tx, organization: Option<&OrgId>, shown: &Identity) -> Result<Caller> {
        Ok(Caller {
            identity: shown.clone(),
            organization: organization.cloned(),
            member: None,
            key_role: None,
            until: None,
        })
    }
}

/// `ada` is a token of Ada, `ada@1767268800000` one that expires at that time, `ada#2` another one of hers.
struct Tokens {
    clock: TestClock,
}

#[async_trait]
impl Authenticator for Tokens {
    async fn identity(&self, token: &str) -> Result<Identity> {
        let (token, end) = token.split_once('@').unwrap_or((token, ""));
        let expires_at = end.parse().map_or(self.clock.now() + hours(1), Time::from_ms);
        let (subject, number) = token.split_once('#').unwrap_or((token, "1"));
        if subject == "wrong" || expires_at <= self.clock.now() {
            return Err(Error::new(Code::Unauthenticated, "token_invalid", "nobody signed this token"));
        }
        let mut all = Map::new();
        all.insert("sub".to_owned(), subject.into());
        all.insert("jti".to_owned(), number.into());
        Ok(Identity::Token(Arc::new(Claims {
            issuer: "https://issuer.test".to_owned(),
            subject: subject.to_owned(),
            organization: None,
            role: None,
            email: None,
            first_name: None,
            last_name: None,
            picture: None,
            expires_at,
            all,
        })))
    }
}

struct Closed;

#[async_trait]
impl Intake for Closed {
    async fn accept(&self, _delivery: Delivery) -> Result<Vec<Accepted>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Installation for Closed {
    async fn ready(&self) -> Result<Value> {
        Ok(json!({}))
    }

    async fn metrics(&self) -> String {
        String::new()
    }

    async fn fire(&self, _cron: &str) -> Result<()> {
        Ok(())
    }
}

/// The product, while it is served.
pub(crate) struct Product {
    pub(crate) clock: TestClock,
    pub(crate) operations: Operations,
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Product {
    pub(crate) async fn start(database: &TestDb) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// Starts it with other options.
    pub(crate) async fn start_with(database: &TestDb, change: impl FnOnce(&mut Options)) -> Self {
        // Nobody signs in in most tests, and the machine may be busy.
        let live =
            LiveOptions { anonymous_bytes: 32 << 20, query_limit: Duration::from_secs(60), ..LiveOptions::default() };
        Self::start_live(database, change, live).await
    }

    /// With live queries that have these limits.
    pub(crate) async fn start_live(database: &TestDb, change: impl FnOnce(&mut Options), live: LiveOptions) -> Self {
        let clock = TestClock::new();
        let world = World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(1)));
        store::migrate(&database.db, &[engine::MIGRATIONS, TABLES], world.now()).await.expect("a product starts");
        let mut registry = Registry::new();
        registry.query::<Get>().query::<FailIfOdd>().query::<BadField>().query::<Echo>().query::<Big>();
        registry.query::<WhoAmI>().query::<MustBeUser>().query::<PageNumbers>().action::<Act>();
        registry
            .mutation::<Set>()
            .mutation::<SetPair>()
            .mutation::<Append>()
            .mutation::<Fail>()
            .mutation::<AddNumber>();
        let directory = Arc::new(Everybody([world.new_id(), world.new_id()]));
        let operations =
            Operations::new(registry.freeze().unwrap(), database.db.clone(), world.clone(), directory, &[1; 32]);
        let live = Live::start(&operations, live);
        let authenticator = Arc::new(Tokens { clock: clock.clone() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a product starts");
        let address = listener.local_addr().expect("a product starts");
        let mut options = Options::new(format!("http://{address}/").parse().expect("a product starts"));
        change(&mut options);
        let server = Server {
            registry: Arc::new(
                provider::Registry::load([], &provider::settings::Variables::default()).expect("a product starts"),
            ),
            intake: Arc::new(Closed),
            installation: Arc::new(Closed),
            api: Some(Api { operations: operations.clone(), live, authenticator }),
            world,
            options: Arc::new(options),
        };
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(listener, server.router(), stopped));
        Self { clock, operations, address, stop, serving }
    }

    /// Connects a client of the newest npm package.
    pub(crate) async fn client(&self) -> Client {
        self.client_at("/api/1.48.0/sync").await
    }

    pub(crate) async fn client_at(&self, path: &str) -> Client {
        Client::connect(self.address, path).await
    }

    /// Tells the process to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.serving.await.expect("a product starts");
    }
}
