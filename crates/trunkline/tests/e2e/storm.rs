//! Many concurrent senders, and a ledger of what they sent, what was acknowledged, and what was processed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use crate::{
    harness::{Answer, Client, Installation, Request, eventually, number, pause},
    payloads,
    vendors::{GENERIC, WHATSAPP},
};

/// The number to which the storm's messages are sent.
const ACCOUNT: &str = "106540352242922";

/// Senders, each with its own connection, and the number of events of each.
#[derive(Clone, Copy)]
pub(crate) struct Storm {
    pub(crate) senders: usize,
    pub(crate) each: usize,
}

/// The ledger.
#[derive(Default)]
pub(crate) struct Ledger {
    sent: Mutex<BTreeSet<String>>,
    /// The vendor's ids of acknowledged events, with ours.
    promised: Mutex<BTreeMap<String, String>>,
    /// The number of events that their senders have finished with, acknowledged or not.
    done: AtomicUsize,
}

/// Creates an installation with a connection for the storm's messages.
pub(crate) fn ready_for_storm(installation: Installation) -> Installation {
    let installation = WHATSAPP.on(GENERIC.on(installation));
    installation.json(&["organizations", "create", "--name", "Acme", "--external-id", "demo=acme"]);
    let add = ["connections", "add", "--organization", "acme", "--provider", "whatsapp", "--account", ACCOUNT];
    installation.json(&add);
    installation
}

impl Storm {
    /// Runs all senders against these nodes, and `disturb` beside them; returns when both have ended.
    pub(crate) fn rage(self, nodes: &[SocketAddr], disturb: impl FnOnce(&Ledger)) -> Ledger {
        let ledger = Ledger::default();
        std::thread::scope(|scope| {
            for sender in 0..self.senders {
                let ledger = &ledger;
                scope.spawn(move || self.send_all(sender, nodes, ledger));
            }
            disturb(&ledger);
        });
        ledger
    }

    /// Returns the number of events of all senders.
    pub(crate) fn total(self) -> usize {
        self.senders * self.each
    }

    fn send_all(self, sender: usize, nodes: &[SocketAddr], ledger: &Ledger) {
        let mut turn = sender;
        let mut client = Client::new(nodes[turn % nodes.len()]);
        for at in 0..self.each {
            let id = format!("wamid.{sender}.{at}.{}", number(u64::MAX));
            ledger.sent.lock().expect("no sender panicked").insert(id.clone());
            // A vendor retries for days; here a few events are given up after the first failure.
            let attempts = if at % 7 == 6 { 1 } else { 3000 };
            for _ in 0..attempts {
                match client.try_send(&event(sender, at, &id)) {
                    Ok(answer) if ledger.hears(&id, &answer) => break,
                    Ok(_) => pause(20),
                    Err(_) => {
                        turn += 1;
                        client = Client::new(nodes[turn % nodes.len()]);
                        pause(20);
                    }
                }
            }
            ledger.done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Every fourth event is a message; the others are of a kind without a handler.
fn event(sender: usize, at: usize, id: &str) -> Request {
    if at.is_multiple_of(4) {
        let from = format!("49170{:06}", sender * 1009);
        return WHATSAPP.send(payloads::message(ACCOUNT, &from, id, &format!("the message {id}")));
    }
    let request = Request::post("/webhooks/generic", r#"{"type":"storm"}"#).header("webhook-id", id);
    GENERIC.sign(GENERIC.secret, request)
}

impl Ledger {
    /// Returns whether the answer is an acknowledgement. Otherwise it must say when to retry.
    fn hears(&self, id: &str, answer: &Answer) -> bool {
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some(), "{}", answer.text());
            return false;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        let ours = answer.json()["id"].as_str().expect("an id").to_owned();
        let before = self.promised.lock().expect("no sender panicked").insert(id.to_owned(), ours.clone());
        assert!(before.is_none_or(|before| before == ours), "{id} is two events");
        true
    }

    /// Waits until the senders have finished with this many events.
    pub(crate) fn wait_for(&self, events: usize) {
        eventually("the storm goes on", || (self.done.load(Ordering::Relaxed) >= events).then_some(()));
    }

    /// Checks that, when nothing is pending, every acknowledged event was processed once, and that there is no event
    /// that was not sent.
    pub(crate) fn check(self, installation: &Installation) {
        settled(installation);
        let sent = self.sent.into_inner().expect("no sender panicked");
        let promised = self.promised.into_inner().expect("no sender panicked");
        let events = by_external_id(installation.events());
        assert!(events.keys().all(|id| sent.contains(id)), "something is there that nobody sent");
        for (id, ours) in &promised {
            let event = events.get(id).unwrap_or_else(|| panic!("{id} was promised and is gone"));
            assert_eq!(event["id"], ours.as_str(), "{event}");
        }
        for event in events.values() {
            // No handler is registered for the others: they wait for a release that has one.
            let end = if event["provider"] == "whatsapp" { "processed" } else { "unhandled" };
            assert_eq!(event["status"], end, "{event}");
        }
        check_messages(installation, &events);
        assert!(promised.len() * 10 >= sent.len() * 7, "only {} of {} were promised", promised.len(), sent.len());
    }
}

fn settled(installation: &Installation) {
    eventually("everything is handled", || {
        let pending = installation.json(&["events", "list", "--limit", "1", "--status", "pending"]);
        pending.is_empty().then_some(())
    });
}

/// Checks that each event of a message led to one message, which was counted once.
fn check_messages(installation: &Installation, events: &BTreeMap<String, Value>) {
    let list = |what: &str| installation.json(&[what, "list", "--organization", "acme", "--limit", "10000"]);
    let messages = by_external_id(list("messages"));
    let expected = events.iter().filter(|(_, event)| event["provider"] == "whatsapp").map(|(id, _)| id);
    assert!(messages.keys().eq(expected), "messages and their events differ");
    let conversations = list("conversations");
    let counted: u64 = conversations.iter().filter_map(|conversation| conversation["unreadCount"].as_u64()).sum();
    assert_eq!(counted, u64::try_from(messages.len()).expect("a count"));
    assert_eq!(conversations.len(), list("contacts").len());
}

fn by_external_id(rows: Vec<Value>) -> BTreeMap<String, Value> {
    let mut named = BTreeMap::new();
    for row in rows {
        let id = row["externalId"].as_str().expect("an external id").to_owned();
        let twice = named.insert(id, row);
        assert!(twice.is_none(), "{twice:?} is there twice");
    }
    named
}
