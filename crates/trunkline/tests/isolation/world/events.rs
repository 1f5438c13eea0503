//! Vendors' events: messages of people, and subscriptions of organizations.

use std::sync::Arc;

use app::{Name, connections};
use kernel::{Limits, OrgId, Time};
use provider::{messaging as chat, payments};
use testkit::{App, Scripted};

use super::{Org, building::Builder};

/// The vendors, and how they deliver events.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(super) vendors: Arc<Scripted>,
}

impl Told {
    /// Delivers an event of a messaging vendor about an organization's line.
    pub(crate) async fn chats(&self, app: &App, org: &Org, changes: Vec<chat::Change>) {
        let event = self.vendors.chat(changes);
        app.deliver("chat", event.about(Some(&line(org)))).await.expect("the inbox takes it");
        app.run_jobs().await;
    }

    /// Delivers an event of a payments vendor.
    pub(crate) async fn pays(&self, app: &App, notice: payments::Notice) {
        let event = self.vendors.notice(notice);
        app.deliver("money", event).await.expect("the inbox takes it");
        app.run_jobs().await;
    }

    pub(crate) async fn hears(&self, app: &App, org: &Org, message: chat::Message) {
        self.chats(app, org, vec![chat::Change::Message(Box::new(message))]).await;
    }
}

impl Builder {
    /// Delivers every kind of event about contacts, and one about a subscription.
    pub(super) async fn events(&self, org: &mut Org) {
        let (app, told) = (&self.app, &self.told);
        let id = OrgId::parse(&org.id).expect("an id");
        let new = connections::AddConnection {
            provider: "chat".to_owned(),
            account: line(org),
            name: Name::parse(&format!("{} line", org.mark)).expect("a name"),
        };
        connections::add(&app.db, &app.world, &id, new).await.expect("the line is free");
        told.hears(app, org, text(org, "m1", whole(org, "ada", 1), 100)).await;
        told.hears(app, org, echo(org, "m2", whole(org, "ada", 1), 110)).await;
        for message in ["m8", "m9"] {
            told.chats(app, org, vec![step(org, message, chat::Step::Delivered, 120)]).await;
        }
        // Each of them is two contacts, until a message has both of their identities.
        for (at, name) in [(2, "bob"), (3, "carl"), (4, "dora")] {
            told.hears(app, org, text(org, &format!("{name}1"), by_phone(org, at), 200 + i64::from(at))).await;
            told.hears(app, org, text(org, &format!("{name}2"), by_id(org, name), 210 + i64::from(at))).await;
        }
        for (at, name) in [(3, "carl"), (4, "dora")] {
            told.hears(app, org, text(org, &format!("{name}3"), whole(org, name, at), 300)).await;
        }
        let merges = app::contacts::merges(&app.db, &id, 10).await.expect("a list");
        assert_eq!(merges.len(), 2, "carl and dora are one person each");
        // The newest merge is dora's, which is undone.
        let newest = merges.iter().max_by_key(|merge| merge.id.clone()).expect("a merge");
        app::contacts::unmerge(&app.db, &app.world, &id, &newest.id).await.expect("it can be undone");
        // The older contacts of these have no name, and no open conversation for those of the others. One of them stays
        // two contacts, the other becomes one.
        for (at, name) in [(5, "fred"), (6, "gina")] {
            told.hears(app, org, text(org, &format!("{name}1"), by_id(org, name), 400 + 10 * i64::from(at))).await;
            close_newest(app, &id).await;
            told.hears(app, org, text(org, &format!("{name}2"), by_phone(org, at), 405 + 10 * i64::from(at))).await;
        }
        told.hears(app, org, text(org, "gina3", nameless(org, "gina", 6), 480)).await;
        told.pays(app, subscribed(org, "sub1", 100)).await;
        told.pays(app, snapshot(org, 110, &["sub1"])).await;
        let conversations = app::conversations::list(&app.db, &id, 100).await.expect("a list");
        for conversation in conversations {
            org.note(&conversation.id.as_str().into());
        }
        for contact in app::contacts::list(&app.db, &id, 100).await.expect("a list") {
            org.note(&contact.id.as_str().into());
        }
    }
}

/// There is no operation that closes a conversation, so that its row is changed.
async fn close_newest(app: &App, organization: &OrgId) {
    let close = store::work(|tx| {
        Box::pin(async move {
            let close = "update conversations set status = 'closed' where org_id = $1 and last_message_ms =
                 (select max(last_message_ms) from conversations where org_id = $1)";
            tx.query(close).execute().await
        })
    });
    app.db.write(&organization.clone().into(), close).await.expect("a conversation can be closed");
}

/// The vendors' ids of an organization's objects begin with its first letter.
fn own(org: &Org, name: &str) -> String {
    format!("{}.{name}", &org.mark[..1])
}

fn line(org: &Org) -> String {
    own(org, "line")
}

fn phone(org: &Org, at: u8) -> String {
    format!("+49{}{at}", if org.mark == super::ALPHA { "111" } else { "222" })
}

pub(crate) fn by_phone(org: &Org, at: u8) -> chat::Person {
    let name = Some(format!("{} phone {at}", org.mark));
    chat::Person { phone: Some(phone(org, at)), name, ..chat::Person::default() }
}

pub(crate) fn by_id(org: &Org, name: &str) -> chat::Person {
    chat::Person {
        bsuid: Some(own(org, name)),
        username: Some(own(org, &format!("{name}_"))),
        ..chat::Person::default()
    }
}

pub(crate) fn whole(org: &Org, name: &str, at: u8) -> chat::Person {
    chat::Person { phone: Some(phone(org, at)), name: Some(format!("{} {name}", org.mark)), ..by_id(org, name) }
}

pub(crate) fn nameless(org: &Org, name: &str, at: u8) -> chat::Person {
    chat::Person { name: None, ..whole(org, name, at) }
}

pub(crate) fn text(org: &Org, id: &str, person: chat::Person, seconds: i64) -> chat::Message {
    chat::Message {
        id: own(org, id),
        direction: chat::Direction::Inbound,
        person,
        at: Some(Time::from_seconds(seconds)),
        kind: "text".to_owned(),
        content: chat::Content::Text { body: format!("{} says {id}", org.mark) },
        reply_to: None,
        asks_for_attention: true,
    }
}

pub(crate) fn echo(org: &Org, id: &str, person: chat::Person, seconds: i64) -> chat::Message {
    chat::Message { direction: chat::Direction::Outbound, asks_for_attention: false, ..text(org, id, person, seconds) }
}

pub(crate) fn step(org: &Org, message: &str, step: chat::Step, seconds: i64) -> chat::Change {
    let at = Some(Time::from_seconds(seconds));
    let error = Some(format!("{} says so", org.mark));
    chat::Change::Delivery(chat::Delivery {
        message: own(org, message),
        step,
        at,
        error,
        person: chat::Person::default(),
    })
}

/// An organization has a subscription.
pub(crate) fn subscribed(org: &Org, id: &str, seconds: i64) -> payments::Notice {
    let subscription = subscription(org, id, seconds);
    let owner = payments::Owner {
        organizations: vec![org.slug()],
        customer: subscription.customer.clone(),
        subscription: Some(subscription.id.clone()),
    };
    payments::Notice { owner, change: payments::Change::Subscription(Box::new(subscription)) }
}

/// All running subscriptions of an organization.
pub(crate) fn snapshot(org: &Org, seconds: i64, running: &[&str]) -> payments::Notice {
    let running = running.iter().map(|id| subscription(org, id, seconds)).collect();
    let customer = own(org, "payer");
    let owner = payments::Owner { customer: Some(customer.clone()), ..payments::Owner::default() };
    let at = Some(Time::from_seconds(seconds));
    payments::Notice { owner, change: payments::Change::Snapshot(payments::Snapshot { customer, at, running }) }
}

fn subscription(org: &Org, id: &str, seconds: i64) -> payments::Subscription {
    payments::Subscription {
        id: own(org, id),
        customer: Some(own(org, "payer")),
        organizations: vec![org.slug()],
        at: Some(Time::from_seconds(seconds)),
        step: payments::Step::Updated,
        ended: false,
        status: payments::Status::Active,
        vendor_status: "active".to_owned(),
        plan: payments::Plan {
            product: Some(own(org, "product")),
            price: Some(own(org, "price")),
            name: Some(format!("{} plan", org.mark)),
        },
        period: payments::Period::default(),
        trial_end: None,
        cancel_at_period_end: false,
        ends_at: None,
        limits: Limits::default(),
        product: None,
    }
}
