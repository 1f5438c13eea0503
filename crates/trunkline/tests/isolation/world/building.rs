//! Builds an organization as its people would: by operations, and by vendors' events.

use std::sync::Arc;

use engine::{Operations, Registry};
use provider::email::{Email, Mail, Sender};
use serde_json::{Value, json};
use testkit::{App, TestDb, Tokens, days, minutes};

use super::{
    events::Told,
    people::{Org, PEOPLE, Somebody},
    server::{self, Authenticator},
};

/// An installation on which organizations are made.
pub(super) struct Builder {
    pub(super) app: App,
    pub(super) operations: Operations,
    pub(super) told: Told,
    pub(super) tokens: Tokens,
    authenticator: Arc<Authenticator>,
}

/// Discards e-mails.
struct Shredder;

#[async_trait::async_trait]
impl Email for Shredder {
    async fn send(&self, _mail: &Mail, _key: &str) -> kernel::Result<()> {
        Ok(())
    }
}

impl Builder {
    pub(super) async fn new(database: &TestDb) -> Self {
        let told = Told::default();
        let app = App::with_tables(database, &[engine::MIGRATIONS, app::MIGRATIONS], |handlers| {
            let (chat, money) = (told.vendors.clone(), told.vendors.clone());
            app::register(handlers, vec![("chat", chat)], vec![("money", money)]);
            let sender: Sender = Arc::new(Shredder);
            handlers.lend(sender);
        })
        .await;
        let mut registry = Registry::new();
        app::operations(&mut registry);
        let members = Arc::new(app::users::Members::new(app.world.clone()));
        let operations = Operations::new(registry.freeze().unwrap(), app.db.clone(), app.world.clone(), members, &[1; 32])
            .audited(Arc::new(app::audit::Log));
        let plan =
            json!([{ "id": "free", "name": "Free", "maxCustomers": 1000, "maxStaff": 1000, "maxClients": 1000 }]);
        let plans = app::billing::Plan::parse_all(&plan.to_string()).expect("a list of plans");
        app::billing::configure(&app.db, plans).await.expect("plans can be configured");
        let tokens = Tokens::new().with_clock(app.clock.clone());
        let authenticator = server::authenticator(&app, &tokens);
        Self { app, operations, told, tokens, authenticator }
    }

    /// Returns a person with a token that is valid for years.
    pub(super) fn somebody(&self, mark: &str, name: &str) -> Somebody {
        let claims = self.claims(mark, name);
        self.showing(&format!("{mark}'s {name}"), mark, name, claims)
    }

    /// Adds a member of `org` whose token names another organization.
    pub(super) fn claiming(&self, org: &Org, name: &str, other: &str) -> Somebody {
        let mut claims = self.claims(org.mark, name);
        claims["org_id"] = json!(other);
        self.showing(&format!("{}'s {name} whose token names {other}", org.mark), org.mark, name, claims)
    }

    /// Adds a person who is a member of both organizations, and whose token names the second; returns them and their
    /// id.
    pub(super) async fn shared(&self, places: [(&Org, &str); 2]) -> (Somebody, String) {
        let mut claims = self.claims("both", "shared");
        let somebody = self.showing("who belongs to both", "both", "shared", claims.clone()).wanting("none");
        let mut id = String::new();
        for (org, role) in places {
            let invitation = json!({ "email": claims["email"], "role": role });
            self.done(&self.owner(org), "invitations:send", invitation).await;
            let member = self.done(&somebody, "invitations:accept", json!({})).await;
            id = member["_id"].as_str().expect("an id").to_owned();
        }
        claims["org_id"] = json!(places[1].0.slug());
        (self.showing("who belongs to both and names the second", "both", "shared", claims), id)
    }

    /// Builds two complete organizations, the first of which is older.
    pub(super) async fn organizations(&mut self, marks: [&'static str; 2]) -> (Org, Org) {
        let (mut first, mut second) = (self.begun(marks[0]).await, self.begun(marks[1]).await);
        // Longer than an invitation is valid.
        self.app.clock.advance(days(8));
        self.grown(&mut first).await;
        self.grown(&mut second).await;
        for name in ["four", "five"] {
            // The jobs of the second one stay in the queue.
            self.app.run_jobs().await;
            for org in [&mut first, &mut second] {
                self.import(org, name).await;
            }
        }
        // The last use is stored once in a minute, and the clock stands still from now on.
        for key in first.keys.values().chain(second.keys.values()) {
            self.done(key, "customers:list", json!({})).await;
        }
        (first, second)
    }

    async fn begun(&mut self, mark: &'static str) -> Org {
        self.app.clock.advance(minutes(1));
        let mut org = self.founded(mark).await;
        for name in ["one", "two", "three"] {
            self.app.clock.advance(minutes(1));
            self.customer(&mut org, name).await;
        }
        self.invite(&org, "stale", json!({ "role": "staff" })).await;
        org
    }

    async fn grown(&mut self, org: &mut Org) {
        let customers = org.ids["cus"].clone();
        self.invitations(org, &customers).await;
        self.members(org, &customers).await;
        self.keys(org).await;
        self.events(org).await;
        let export = self.done(&self.owner(org), "organizations:export", json!({})).await;
        org.note(&export["_id"]);
        self.app.clock.advance(minutes(1));
    }

    async fn founded(&mut self, mark: &'static str) -> Org {
        let mut claims = self.claims(mark, "owner");
        claims["org_id"] = json!(format!("{mark}-corp"));
        claims["role"] = json!("admin");
        let founder = self.showing("founder", mark, "owner", claims);
        let new = json!({ "name": format!("{mark} Corporation"), "billingEmail": format!("billing@{mark}.example") });
        let made = self.done(&founder, "organizations:create", new).await;
        let id = made["_id"].as_str().expect("an id").to_owned();
        let people = [("owner", self.somebody(mark, "owner"))].into_iter().collect();
        let mut org = Org {
            mark,
            id,
            people,
            keys: Default::default(),
            owners: Vec::new(),
            dead: Vec::new(),
            ids: Default::default(),
        };
        org.note(&made["_id"]);
        let me = self.done(&self.owner(&org), "users:me", json!({})).await;
        let owner = org.note(&me["_id"]);
        org.owners.push(owner);
        let zone = if mark == super::ALPHA { "America/Lima" } else { "Europe/Berlin" };
        let locale = if mark == super::ALPHA { "es-PE" } else { "de-DE" };
        self.done(&self.owner(&org), "settings:update", json!({ "timeZone": zone, "locale": locale })).await;
        org
    }

    async fn customer(&self, org: &mut Org, name: &str) {
        let mark = org.mark;
        let new = json!({
            "name": format!("{mark} customer {name}"),
            "email": format!("{name}@{mark}.example"),
            "notes": format!("{mark} notes {name}"),
        });
        let made = self.done(&self.owner(org), "customers:create", new).await;
        org.note(&made["_id"]);
    }

    /// Imports a file of customers, with some wrong rows.
    async fn import(&self, org: &mut Org, name: &str) {
        let mark = org.mark;
        let csv = format!("name,email\n{mark} customer {name},{name}@{mark}.example\n{mark} wrong,nowhere\n,nobody\n");
        let new = json!({ "csv": csv, "fileName": format!("{mark} file {name}") });
        let made = self.done(&self.owner(org), "customers:import", new).await;
        org.note(&made["_id"]);
    }

    /// Sends three invitations, one of which is revoked: for staff, and for a client.
    async fn invitations(&mut self, org: &mut Org, customers: &[String]) {
        let revoked = self.invite(org, "unwanted", json!({ "role": "viewer" })).await;
        self.done(&self.owner(org), "invitations:revoke", json!({ "invitationId": revoked })).await;
        let late = self.invite(org, "late", json!({ "role": "staff" })).await;
        org.note(&late);
        let guest = self.invite(org, "guest", json!({ "role": "client", "customerId": customers[1] })).await;
        org.note(&guest);
        for name in ["late", "guest"] {
            org.people.insert(name, self.somebody(org.mark, name));
        }
    }

    async fn members(&mut self, org: &mut Org, customers: &[String]) {
        for (name, role) in PEOPLE.into_iter().skip(1) {
            let invited = if role == "owner" { "admin" } else { role };
            let customer = match name {
                "client" => Some(&customers[0]),
                "client2" => Some(&customers[1]),
                _ => None,
            };
            let user = self.joined(org, name, json!({ "role": invited, "customerId": customer })).await;
            if role == "owner" {
                self.owned(org, &user).await;
            }
            let looks_after = match name {
                "staff" => Some(&customers[0]),
                "staff2" => Some(&customers[1]),
                _ => None,
            };
            if let Some(customer) = looks_after {
                let assignment = json!({ "customerId": customer, "userId": user });
                self.done(&self.owner(org), "assignments:assign", assignment).await;
            }
        }
        let former = self.joined(org, "former", json!({ "role": "admin" })).await;
        self.owned(org, &former).await;
        self.done(&self.owner(org), "users:remove", json!({ "userId": &former })).await;
        let mut removed = org.people.remove("former").expect("they joined");
        removed.says.push(former);
        org.dead.push(removed);
        let gone = self.joined(org, "gone", json!({ "role": "staff" })).await;
        self.done(&self.owner(org), "users:remove", json!({ "userId": &gone })).await;
        let mut removed = org.people.remove("gone").expect("they joined");
        removed.says.push(gone);
        org.dead.push(removed);
        let viewer = self.done(org.person("viewer"), "users:me", json!({})).await;
        let actor = org.person("actor").clone();
        self.done(&actor, "users:startImpersonating", json!({ "userId": viewer["_id"] })).await;
    }

    /// Makes a member an owner.
    async fn owned(&self, org: &mut Org, user: &str) {
        self.done(&self.owner(org), "users:changeRole", json!({ "userId": user, "role": "owner" })).await;
        org.owners.push(user.to_owned());
    }

    async fn keys(&mut self, org: &mut Org) {
        for role in ["owner", "admin", "staff", "viewer"] {
            let key = self.key(org, role, json!({ "role": role })).await;
            org.keys.insert(role, key);
        }
        let scoped = self.key(org, "scoped", json!({ "role": "admin", "scopes": ["customers:*"] })).await;
        org.keys.insert("scoped", scoped);
        let end = (self.app.world.now() + minutes(5)).ms();
        let expired = self.key(org, "expired", json!({ "role": "owner", "expiresAt": end })).await;
        self.app.clock.advance(minutes(10));
        let revoked = self.key(org, "revoked", json!({ "role": "owner" })).await;
        let id = org.ids["key"].last().expect("a key").clone();
        self.done(&self.owner(org), "apiKeys:revoke", json!({ "apiKeyId": id })).await;
        let rotated = self.key(org, "rotated", json!({ "role": "owner" })).await;
        let id = org.ids["key"].last().expect("a key").clone();
        self.done(&self.owner(org), "apiKeys:rotate", json!({ "apiKeyId": id, "graceMs": 1000 })).await;
        self.app.clock.advance(minutes(1));
        org.dead.extend([expired, revoked, rotated]);
        org.dead.push(self.expired(org.mark));
        org.dead.push(Somebody {
            name: format!("who forged a token of {}'s owner", org.mark),
            shows: Some(self.tokens.forged().token(&format!("{}-owner", org.mark), self.claims(org.mark, "owner"))),
            wants: None,
            says: Vec::new(),
        });
    }

    async fn key(&self, org: &mut Org, name: &str, mut new: Value) -> Somebody {
        new["name"] = json!(format!("{} key {name}", org.mark));
        let made = self.done(&self.owner(org), "apiKeys:create", new).await;
        org.note(&made["_id"]);
        let key = made["key"].as_str().expect("a key").to_owned();
        Somebody { name: format!("{}'s key {name}", org.mark), shows: Some(key), wants: None, says: Vec::new() }
    }

    async fn joined(&self, org: &mut Org, name: &'static str, invitation: Value) -> String {
        self.invite(org, name, invitation).await;
        let somebody = self.somebody(org.mark, name);
        let user = self.done(&somebody, "invitations:accept", json!({})).await;
        org.people.insert(name, somebody);
        org.note(&user["_id"])
    }

    async fn invite(&self, org: &Org, name: &str, mut invitation: Value) -> Value {
        invitation["email"] = json!(format!("{name}@{}.example", org.mark));
        if let Some(fields) = invitation.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        self.done(&self.owner(org), "invitations:send", invitation).await["invitationId"].clone()
    }

    fn owner(&self, org: &Org) -> Somebody {
        org.person("owner").clone()
    }

    async fn done(&self, who: &Somebody, operation: &str, arguments: Value) -> Value {
        let done = server::ask(&self.operations, &self.authenticator, who, operation, &arguments).await;
        done.unwrap_or_else(|error| panic!("{} calls {operation} with {arguments}: {error:?}", who.name))
    }

    fn claims(&self, mark: &str, name: &str) -> Value {
        json!({
            "email": format!("{name}@{mark}.example"),
            "email_verified": true,
            "given_name": format!("{mark} {name}"),
            "family_name": format!("of {mark}"),
            "picture": format!("https://{mark}.example/{name}.png"),
        })
    }

    fn showing(&self, who: &str, mark: &str, name: &str, claims: Value) -> Somebody {
        let end = self.app.world.now() + days(1000);
        let says = claims.as_object().into_iter().flat_map(|claims| claims.values());
        let says = says.filter_map(Value::as_str).map(str::to_owned).collect();
        let token = self.tokens.token_until(&format!("{mark}-{name}"), claims, end);
        Somebody { name: who.to_owned(), shows: Some(token), wants: None, says }
    }

    fn expired(&self, mark: &str) -> Somebody {
        let end = self.app.world.now() - minutes(1);
        let token = self.tokens.token_until(&format!("{mark}-owner"), self.claims(mark, "owner"), end);
        Somebody {
            name: format!("who shows an expired token of {mark}'s owner"),
            shows: Some(token),
            wants: None,
            says: Vec::new(),
        }
    }
}
