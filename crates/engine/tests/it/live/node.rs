//! A node, and people who watch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use engine::{
    Claims, Identity, Live, LiveOptions, Moment, Operations, QueryRequest, Registry, SystemRandom, View, Who, World,
};
use kernel::{Clock, OrgId, Role, Scope, Time};
use serde_json::{Map, Value, json};
use store::Db;
use testkit::{TestClock, TestDb, hours};

use super::product::{
    AddBoth, AddItem, AddNote, Cursors, DropItem, Halves, ListItems, ListNotes, Me, PageItems, People, Secrets, Sky,
    SlowItems, TABLES,
};

/// A node.
pub(super) struct Node {
    pub(super) db: Db,
    pub(super) operations: Operations,
    pub(super) live: Live,
    pub(super) clock: TestClock,
}

impl Node {
    pub(super) async fn new(database: &TestDb) -> Self {
        Self::with(&database.db, TestClock::new(), patient()).await
    }

    pub(super) async fn with(db: &Db, clock: TestClock, options: LiveOptions) -> Self {
        let world = World::new(Arc::new(clock.clone()), Arc::new(SystemRandom));
        store::migrate(db, &[engine::MIGRATIONS, TABLES], world.now())
            .await
            .expect("an empty database can be migrated");
        let mut registry = Registry::new();
        registry.query::<ListItems>().query::<ListNotes>().query::<Secrets>().query::<Halves>().query::<PageItems>();
        registry.query::<Sky>().query::<Me>().query::<SlowItems>().query::<Cursors>();
        registry.mutation::<AddItem>().mutation::<DropItem>().mutation::<AddNote>().mutation::<AddBoth>();
        let operations = Operations::new(registry.freeze().unwrap(), db.clone(), world, Arc::new(People), &[1; 32]);
        let live = Live::start(&operations, options);
        Self { db: db.clone(), operations, live, clock }
    }

    /// Somebody new, in a new organization.
    pub(super) async fn somebody(&self) -> Who {
        self.join(&self.operations.world().new_id(), Role::Staff).await
    }

    /// Somebody new in this organization.
    pub(super) async fn join(&self, organization: &OrgId, role: Role) -> Who {
        let subject = self.operations.world().new_id::<engine::UserPrefix>().to_string();
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
    pub(super) async fn employ(&self, organization: &OrgId, subject: &str, role: Option<Role>) {
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

    pub(super) async fn does(&self, who: &Who, operation: &str, n: i64) -> u64 {
        let done = self.operations.mutation(who, operation, &json!({ "n": n }), None).await;
        done.expect("the mutation succeeds").ts
    }

    pub(super) fn view(&self, who: &Who, queries: &[&str]) -> View {
        let mut view = self.live.view(who.clone());
        for (id, query) in (0..).zip(queries) {
            view.add(id, asked(query, json!({})));
        }
        view
    }
}

/// The defaults, but that nothing is too slow on a busy machine.
pub(super) fn patient() -> LiveOptions {
    LiveOptions { query_limit: Duration::from_secs(120), ..LiveOptions::default() }
}

pub(super) fn asked(operation: &str, arguments: Value) -> QueryRequest {
    QueryRequest { operation: operation.to_owned(), arguments, journal: None }
}

pub(super) fn subject(who: &Who) -> &str {
    match &who.identity {
        Identity::Token(claims) => &claims.subject,
        Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => {
            panic!("only tokens have subjects")
        }
    }
}

/// The same person with a newer token.
pub(super) fn refreshed(who: &Who, expires_at: Time) -> Who {
    let Identity::Token(claims) = &who.identity else { panic!("only tokens are refreshed") };
    let mut claims = (**claims).clone();
    claims.expires_at = expires_at;
    claims.all.insert("exp".to_owned(), json!(expires_at.ms()));
    Who { identity: Identity::Token(Arc::new(claims)), ..who.clone() }
}

/// What a moment says, by query; the tags of errors.
pub(super) fn said(moment: &Moment) -> HashMap<u32, Value> {
    let said = |shown: &engine::Shown| match &shown.outcome {
        Ok(text) => serde_json::from_str(text).expect("an answer is JSON"),
        Err(error) => json!(error.tag),
    };
    moment.updates.iter().map(|update| (update.id, said(&update.shown))).collect()
}

pub(super) async fn next(view: &mut View) -> HashMap<u32, Value> {
    said(&view.advance(0).await.expect("the view moves on"))
}

/// Waits until it is woken. The bound only ends a test that would never end.
pub(super) async fn woken(view: &mut View) {
    tokio::time::timeout(Duration::from_secs(20), view.changed()).await.expect("the view is woken");
}

/// Whether it sleeps, while everything that could wake it has been done.
pub(super) async fn sleeps(view: &mut View) -> bool {
    tokio::time::timeout(Duration::from_millis(50), view.changed()).await.is_err()
}

/// Two nodes of one installation.
pub(super) async fn nodes(database: &TestDb, options: LiveOptions) -> (Node, Node) {
    let one = Node::with(&database.db, TestClock::new(), options).await;
    let other = Node::with(&database.open().await, one.clock.clone(), options).await;
    (one, other)
}
