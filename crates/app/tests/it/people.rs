//! An organization whose members call operations with the tokens of an issuer.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::{Claims, Identity, Operations, Registry, Who};
use kernel::{Code, Error, OrgId, Result};
use provider::email::{Email, Mail, Sender};
use serde_json::{Map, Value, json};
use testkit::{App, TestDb, days};

/// An installation whose operations are called by people.
pub(crate) struct Office {
    pub(crate) app: App,
    pub(crate) operations: Operations,
    pub(crate) sent: Arc<Outbox>,
}

/// A person with a token; their membership is read again in every call.
#[derive(Clone)]
pub(crate) struct Somebody {
    pub(crate) claims: Claims,
}

/// Keeps the e-mails that were sent.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Vec<Mail>>);

#[async_trait]
impl Email for Outbox {
    async fn send(&self, mail: &Mail, _key: &str) -> Result<()> {
        self.0.lock().expect("no test holds it in a panic").push(mail.clone());
        Ok(())
    }
}

impl Outbox {
    pub(crate) fn to(&self) -> Vec<String> {
        self.0.lock().expect("no test holds it in a panic").iter().map(|mail| mail.to.clone()).collect()
    }
}

impl Office {
    pub(crate) async fn open(database: &TestDb) -> Self {
        let sent = Arc::new(Outbox::default());
        let outbox: Sender = sent.clone();
        let app = App::with_tables(database, &[engine::MIGRATIONS, app::MIGRATIONS], |handlers| {
            app::register(handlers, Vec::new(), Vec::new());
            handlers.lend(outbox);
        })
        .await;
        Self::on(app, sent)
    }

    /// Returns the operations of an existing installation.
    pub(crate) fn on(app: App, sent: Arc<Outbox>) -> Self {
        let mut registry = Registry::new();
        app::operations(&mut registry);
        let members = Arc::new(app::users::Members::new(app.world.clone()));
        let operations =
            Operations::new(registry.freeze().unwrap(), app.db.clone(), app.world.clone(), members, &[1; 32])
                .audited(Arc::new(app::audit::Log));
        Self { app, operations, sent }
    }

    /// Creates an installation without limits that matter here, and the owner of its one organization.
    pub(crate) async fn with_owner(database: &TestDb) -> (Self, Somebody) {
        let office = Self::open(database).await;
        office.plan(json!({ "maxCustomers": 1000, "maxStaff": 1000, "maxClients": 1000 })).await;
        let owner = office.somebody("owner");
        office.change(&owner, "organizations:create", json!({ "name": "Acme" })).await.expect("it can be created");
        (office, owner)
    }

    /// Replaces the free plan.
    pub(crate) async fn plan(&self, limits: Value) {
        let mut plan = json!({ "id": "free", "name": "Free" });
        plan.as_object_mut().expect("an object").extend(limits.as_object().expect("an object").clone());
        let plans = app::billing::Plan::parse_all(&json!([plan]).to_string()).expect("plans");
        app::billing::configure(&self.app.db, plans).await.expect("plans can be configured");
    }

    /// Returns a person who is not stored yet, with an e-mail address that their issuer confirms.
    pub(crate) fn somebody(&self, name: &str) -> Somebody {
        let claims = Claims {
            issuer: "https://issuer.test".to_owned(),
            subject: format!("user_{name}"),
            organization: None,
            role: None,
            email: Some(format!("{name}@example.com")),
            first_name: Some(name.to_owned()),
            last_name: None,
            picture: None,
            expires_at: self.app.world.now() + days(365),
            all: Map::new(),
        };
        Somebody { claims }
    }

    /// Returns a person whom `admin` invited, and who accepted.
    pub(crate) async fn member(&self, admin: &Somebody, name: &str, role: &str, customer: Option<&Value>) -> Somebody {
        let somebody = self.somebody(name);
        let mut invitation = json!({ "email": somebody.claims.email, "role": role });
        if let Some(customer) = customer {
            invitation["customerId"] = customer["_id"].clone();
        }
        self.change(admin, "invitations:send", invitation).await.expect("they can be invited");
        self.change(&somebody, "invitations:accept", json!({})).await.expect("they can accept");
        somebody
    }

    pub(crate) async fn customer(&self, admin: &Somebody, name: &str) -> Value {
        self.change(admin, "customers:create", json!({ "name": name })).await.expect("there is room")
    }

    /// Runs a query, with the caller resolved anew.
    pub(crate) async fn ask(&self, who: &Somebody, operation: &str, arguments: Value) -> Result<Value> {
        self.operations.query(&self.enter(who, None).await?, operation, arguments).await
    }

    /// Runs a mutation, with the caller resolved anew.
    pub(crate) async fn change(&self, who: &Somebody, operation: &str, arguments: Value) -> Result<Value> {
        self.change_in(who, None, operation, arguments).await
    }

    /// Runs a mutation in an organization that the caller chose.
    pub(crate) async fn change_in(
        &self,
        who: &Somebody,
        wanted: Option<&str>,
        operation: &str,
        arguments: Value,
    ) -> Result<Value> {
        let who = self.enter(who, wanted).await?;
        Ok(self.operations.mutation(&who, operation, &arguments, None).await?.output)
    }

    pub(crate) async fn sync(&self, who: &Somebody) -> Result<Value> {
        self.operations.action(&self.enter(who, None).await?, "users:syncCurrent", &json!({})).await
    }

    pub(crate) async fn enter(&self, who: &Somebody, wanted: Option<&str>) -> Result<Who> {
        self.operations.enter(Identity::Token(Arc::new(who.claims.clone())), wanted, None).await
    }

    /// Returns the names of the customers that a caller sees, in order.
    pub(crate) async fn customers(&self, who: &Somebody) -> Vec<String> {
        let listed = self.ask(who, "customers:list", json!({})).await.expect("anybody may ask");
        let mut names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| text(&one["name"])).collect();
        names.sort();
        names
    }

    /// Returns the id of a person.
    pub(crate) async fn id(&self, who: &Somebody) -> Value {
        self.ask(who, "users:me", json!({})).await.expect("anybody may ask")["_id"].clone()
    }

    /// Returns the organization of a person.
    pub(crate) async fn organization(&self, who: &Somebody) -> OrgId {
        let mine = self.ask(who, "organizations:getMine", json!({})).await.expect("anybody may ask");
        OrgId::parse(&text(&mine["_id"])).expect("an id")
    }
}

/// Returns a text of an answer.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Returns the names of the fields of an answer, in alphabetical order.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Returns the tag of an error.
pub(crate) fn tag(outcome: Result<Value>) -> &'static str {
    outcome.expect_err("it must not be done").tag
}

/// Returns the code of an error.
pub(crate) fn code(outcome: Result<Value>) -> Code {
    let error: Error = outcome.expect_err("it must not be done");
    error.code
}
