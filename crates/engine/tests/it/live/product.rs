//! What is watched: tables, queries and mutations.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_trait::async_trait;
use engine::{
    Caller, Directory, Identity, Member, Mutation, MutationCtx, Query, QueryCtx, Who, get, operation::Route, post,
};
use kernel::{Access, Code, Error, Id, OrgId, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{FromRow, Migration, MigrationSet, Row, Tx};
use tokio::sync::Semaphore;

pub(super) const TABLES: MigrationSet = MigrationSet {
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
pub(super) fn runs(organization: Option<&OrgId>) -> usize {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner).get(&organization.cloned()).copied().unwrap_or_default()
}

pub(super) static RUNS: LazyLock<Mutex<HashMap<Option<OrgId>, usize>>> = LazyLock::new(Mutex::default);

pub(super) fn ran(ctx: &QueryCtx<'_>) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    *runs.entry(ctx.organization().ok().cloned()).or_default() += 1;
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Item {
    pub(super) n: i64,
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
        pub(super) struct $query {
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

/// Items, as soon as somebody opens the gate of the organization.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SlowItems {}

/// The gates, with how many came to them.
static GATES: LazyLock<Mutex<HashMap<Option<OrgId>, (Arc<Semaphore>, usize)>>> = LazyLock::new(Mutex::default);

/// Lets so many through the gate of somebody's organization.
pub(super) fn open(who: &Who, times: usize) {
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.entry(who.organization.clone()).or_insert_with(closed).0.add_permits(times);
}

/// How many came to the gate.
pub(super) fn tries(who: &Who) -> usize {
    let gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.get(&who.organization).map_or(0, |(_, tries)| *tries)
}

fn closed() -> (Arc<Semaphore>, usize) {
    (Arc::new(Semaphore::new(0)), 0)
}

#[async_trait]
impl Query for SlowItems {
    const NAME: &'static str = "items:slow";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/slow");
    type Output = Vec<i64>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<i64>> {
        let gate = {
            let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
            let (gate, tries) = gates.entry(ctx.organization().ok().cloned()).or_insert_with(closed);
            *tries += 1;
            gate.clone()
        };
        gate.acquire().await.expect("the gate is never closed").forget();
        ListItems { _turn: 0 }.run(ctx).await
    }
}

/// The sky over the installation.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Sky {}

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

/// Cursors of the queue, whose changes no node records.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Cursors {}

#[async_trait]
impl Query for Cursors {
    const NAME: &'static str = "queue:cursors";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/cursors");
    type Output = Vec<String>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<String>> {
        ctx.db
            .system("select name from cursors order by name")
            .rows()
            .await?
            .iter()
            .map(|row| row.text("name"))
            .collect()
    }
}

/// Who asks.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Me {}

#[async_trait]
impl Query for Me {
    const NAME: &'static str = "people:me";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/me");
    const PERSONAL: bool = true;
    type Output = (String, String);

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<(String, String)> {
        ran(ctx);
        let member = ctx.caller()?.member()?;
        Ok((member.name.clone(), member.role.as_str().to_owned()))
    }
}

/// A part of the items.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageItems {
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
        pub(super) struct $mutation {
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
pub(super) struct People;

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
