//! An installation with a messaging and a payments vendor whose events the tests create.

use std::sync::Arc;

use app::{Name, connections, contacts, conversations, messages, organizations};
use kernel::{OrgId, Result, Time};
use provider::{Received, messaging as chat, payments};
use testkit::{App, Scripted, TestDb};

/// An installation with one organization, `acme`, whose connection at the vendor `chat` has the account `line`.
pub(crate) struct Installation {
    pub(crate) app: App,
    pub(crate) acme: OrgId,
    vendors: Arc<Scripted>,
}

impl Installation {
    pub(crate) async fn start(database: &TestDb) -> Self {
        let vendors = Arc::new(Scripted::default());
        let app = App::with_tables(database, &[engine::MIGRATIONS, app::MIGRATIONS], |handlers| {
            let (chat, money) = (vendors.clone(), vendors.clone());
            app::register(handlers, vec![("chat", chat.clone()), ("other-chat", chat)], vec![("money", money)]);
        })
        .await;
        let acme = create(&app, "acme").await;
        connect(&app, &acme, "line").await.expect("the line is free");
        Self { app, acme, vendors }
    }

    /// Delivers and processes one event of the messaging vendor `provider` about `account`.
    pub(crate) async fn tell(&self, provider: &'static str, account: &str, changes: Vec<chat::Change>) {
        let event = self.event(changes).about(Some(account));
        self.app.deliver(provider, event).await.expect("the inbox takes it");
        self.app.run_jobs().await;
    }

    /// Creates an event of a messaging vendor with these changes.
    pub(crate) fn event(&self, changes: Vec<chat::Change>) -> Received {
        self.vendors.chat(changes)
    }

    /// Delivers and processes a message to `acme`'s line.
    pub(crate) async fn hear(&self, message: chat::Message) {
        self.tell("chat", "line", vec![chat::Change::Message(Box::new(message))]).await;
    }

    /// Delivers and processes a delivery step of a message on `acme`'s line.
    pub(crate) async fn step(&self, message: &str, step: chat::Step, seconds: i64) {
        let error = (step == chat::Step::Failed).then(|| "131026: undeliverable".to_owned());
        let at = Some(Time::from_seconds(seconds));
        let delivery = chat::Delivery { message: message.to_owned(), step, at, error, person: chat::Person::default() };
        self.tell("chat", "line", vec![chat::Change::Delivery(delivery)]).await;
    }

    /// Creates an event of the payments vendor with this notice.
    pub(crate) fn bill(&self, notice: payments::Notice) -> Received {
        self.vendors.notice(notice)
    }

    /// Delivers and processes one event of the payments vendor.
    pub(crate) async fn pay(&self, notice: payments::Notice) {
        self.app.deliver("money", self.bill(notice)).await.expect("the inbox takes it");
        self.app.run_jobs().await;
    }

    pub(crate) async fn contacts(&self) -> Vec<contacts::Contact> {
        contacts::list(&self.app.db, &self.acme, 1000).await.expect("a list")
    }

    pub(crate) async fn conversations(&self) -> Vec<conversations::Conversation> {
        conversations::list(&self.app.db, &self.acme, 1000).await.expect("a list")
    }

    pub(crate) async fn messages(&self) -> Vec<messages::Message> {
        messages::list(&self.app.db, &self.acme, 1000).await.expect("a list")
    }

    /// Runs until everything that was retried has ended too.
    pub(crate) async fn settle(&self) {
        for _ in 0..20 {
            self.app.run_jobs().await;
            if self.app.count("pending").await == 0 {
                return;
            }
            self.app.clock.advance(testkit::hours(1));
        }
        panic!("events are still pending");
    }

    /// Checks that no event is dead.
    pub(crate) async fn is_healthy(&self) {
        let dead: Vec<_> = self.app.events().await.into_iter().filter(|event| event.status == "dead").collect();
        assert!(dead.is_empty(), "{dead:#?}");
    }
}

pub(crate) async fn create(app: &App, name: &str) -> OrgId {
    let external_ids = vec![organizations::ExternalId { provider: "test".to_owned(), id: name.to_owned() }];
    let new = organizations::CreateOrganization { name: label(name), external_ids };
    organizations::create(&app.db, &app.world, new).await.expect("the name is free").id
}

pub(crate) async fn connect(app: &App, organization: &OrgId, account: &str) -> Result<connections::Connection> {
    let new =
        connections::AddConnection { provider: "chat".to_owned(), account: account.to_owned(), name: label("Line") };
    connections::add(&app.db, &app.world, organization, new).await
}

fn label(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Creates a person with any of `bsuid`, phone number and username; an empty one is absent.
pub(crate) fn person(bsuid: &str, phone: &str, username: &str) -> chat::Person {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    chat::Person {
        bsuid: some(bsuid),
        parent_bsuid: None,
        phone: some(phone),
        username: some(username),
        name: Some(format!("{bsuid}{phone}")),
    }
}

/// Creates a text that a person wrote `seconds` after 1970.
pub(crate) fn text(id: &str, from: chat::Person, seconds: i64, body: &str) -> chat::Message {
    chat::Message {
        id: id.to_owned(),
        direction: chat::Direction::Inbound,
        person: from,
        at: Some(Time::from_seconds(seconds)),
        kind: "text".to_owned(),
        content: chat::Content::Text { body: body.to_owned() },
        reply_to: None,
        asks_for_attention: true,
    }
}

/// Creates a text that the organization wrote with another program.
pub(crate) fn echo(id: &str, to: chat::Person, seconds: i64, body: &str) -> chat::Message {
    chat::Message { direction: chat::Direction::Outbound, asks_for_attention: false, ..text(id, to, seconds, body) }
}
