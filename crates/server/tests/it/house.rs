//! A server for the notes, called without a socket.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode},
};
use engine::{Caller, Claims, Directory, Identity, Live, LiveOptions, Member, Operations, Registry};
use kernel::{Code, Error, Id, OrgId, Result, Role};
use serde_json::Value;
use server::{Api, Authenticator, Installation, Options, Server};
use store::Tx;
use testkit::{App, TestDb, hours};
use tower::ServiceExt;

use crate::notes;

/// A server, with its database and its clock.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) operations: Operations,
    router: Router,
}

impl House {
    pub(crate) async fn new(database: &TestDb) -> Self {
        Self::with(database, |_options| {}).await
    }

    /// Starts a server with other options.
    pub(crate) async fn with(database: &TestDb, change: impl FnOnce(&mut Options)) -> Self {
        let app = App::with_tables(database, &[engine::MIGRATIONS, notes::NOTES], |_handlers| {}).await;
        let mut registry = Registry::new();
        notes::register(&mut registry);
        let operations =
            Operations::new(registry.freeze().unwrap(), app.db.clone(), app.world.clone(), Arc::new(Tokens), &[1; 32]);
        let mut options = Options::new("https://notes.test/".parse().expect("an address"));
        change(&mut options);
        let authenticator = Arc::new(Words(app.clone()));
        let server = Server {
            registry: Arc::new(
                provider::Registry::load([], &provider::settings::Variables::default())
                    .expect("no vendor lacks anything"),
            ),
            intake: Arc::new(app.inbox.clone()),
            installation: Arc::new(Quiet),
            api: Some(Api {
                live: Live::start(&operations, LiveOptions::default()),
                operations: operations.clone(),
                authenticator,
            }),
            world: app.world.clone(),
            options: Arc::new(options),
        };
        Self { app, operations, router: server.router() }
    }

    /// Returns the routes.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns a caller in a new organization.
    pub(crate) fn somebody(&self, role: Role) -> Somebody<'_> {
        Somebody { house: self, token: token(&self.app, &self.app.organization(), role), headers: HeaderMap::new() }
    }

    /// Returns another caller in the organization of `colleague`.
    pub(crate) fn colleague(&self, colleague: &Somebody<'_>, role: Role) -> Somebody<'_> {
        let organization = OrgId::parse(&colleague.organization()).expect("a colleague has an organization");
        Somebody { house: self, token: token(&self.app, &organization, role), headers: HeaderMap::new() }
    }

    /// Returns an anonymous caller.
    pub(crate) fn stranger(&self) -> Somebody<'_> {
        Somebody { house: self, token: String::new(), headers: HeaderMap::new() }
    }
}

/// Returns a token that contains the user, the organization and the role.
fn token(app: &App, organization: &OrgId, role: Role) -> String {
    format!("{} {organization} {}", app.world.new_id::<engine::UserPrefix>(), role.as_str())
}

/// A caller.
#[derive(Clone)]
pub(crate) struct Somebody<'h> {
    house: &'h House,
    token: String,
    headers: HeaderMap,
}

impl Somebody<'_> {
    /// Returns the same caller, with another header on their requests.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        other
    }

    /// Returns the token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the organization.
    pub(crate) fn organization(&self) -> String {
        self.token.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json().send(Method::POST, path, body.to_string().into()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json().send(Method::PATCH, path, body.to_string().into()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }

    fn json(&self) -> Self {
        self.with("content-type", "application/json")
    }

    /// Sends a request.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        *request.headers_mut() = self.headers.clone();
        if !self.token.is_empty() {
            let shown = format!("Bearer {}", self.token).parse().expect("a header");
            request.headers_mut().insert("authorization", shown);
        }
        let (head, body) = self.house.router.clone().oneshot(request).await.expect("an answer").into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(body.to_vec()).expect("a text");
        Answer { status: head.status, headers: head.headers, text }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// Returns the JSON of a successful answer.
    pub(crate) fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Returns the status, the tag and the body of a problem.
    pub(crate) fn problem(&self) -> (u16, String, Value) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem: Value = serde_json::from_str(&self.text).expect("JSON");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["requestId"], self.header("x-request-id"));
        (self.status.as_u16(), problem["tag"].as_str().expect("a tag").to_owned(), problem)
    }

    /// Returns the status and the tag of a problem.
    pub(crate) fn refused(&self) -> (u16, String) {
        let (status, tag, _) = self.problem();
        (status, tag)
    }
}

/// The directory that trusts the content of tokens.
struct Words(App);

#[async_trait]
impl Authenticator for Words {
    async fn identity(&self, token: &str) -> Result<Identity> {
        let words: Vec<_> = token.split(' ').collect();
        let [subject, organization, role] = words.as_slice() else {
            return Err(Error::new(Code::Unauthenticated, "token_unknown", "this token is nobody's"));
        };
        Ok(Identity::Token(Arc::new(Claims {
            issuer: "https://issuer.test".to_owned(),
            subject: (*subject).to_owned(),
            organization: Some((*organization).to_owned()),
            role: Some((*role).to_owned()),
            email: None,
            first_name: None,
            last_name: None,
            picture: None,
            expires_at: self.0.world.now() + hours(1),
            all: serde_json::Map::new(),
        })))
    }
}

/// The authenticator that accepts every token.
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
                user: Id::parse(&claims.subject)?,
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

struct Quiet;

#[async_trait]
impl Installation for Quiet {
    async fn ready(&self) -> Result<Value> {
        Ok(Value::Null)
    }

    async fn metrics(&self) -> String {
        String::new()
    }

    async fn fire(&self, _cron: &str) -> Result<()> {
        Err(Error::unsupported("crons"))
    }
}
