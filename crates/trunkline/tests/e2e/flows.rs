//! The effects of events: contacts, conversations, messages, subscriptions, in the right organization.

use serde_json::{Value, json};

use crate::{
    harness::{Installation, Node, Request, both, eventually},
    payloads,
    vendors::{KAPSO, LEMON_SQUEEZY, POLAR, STRIPE, Vendor, WHATSAPP},
};

const OURS: &str = "106540352242922";
const THEIRS: &str = "647015955153740";

/// Two organizations, one with a WhatsApp number and one with a Kapso number.
fn two_tenants(installation: Installation) -> Installation {
    let vendors = [KAPSO, WHATSAPP, STRIPE, POLAR, LEMON_SQUEEZY];
    let installation = vendors.iter().fold(installation, |installation, vendor| vendor.on(installation));
    for (name, id, provider, account) in [("Acme", "acme", "whatsapp", OURS), ("Globex", "globex", "kapso", THEIRS)] {
        create(&installation, name, id);
        connect(&installation, id, provider, account);
    }
    installation
}

fn create(installation: &Installation, name: &str, id: &str) {
    installation.json(&["organizations", "create", "--name", name, "--external-id", &format!("demo={id}")]);
}

fn connect(installation: &Installation, organization: &str, provider: &str, account: &str) {
    let of = ["connections", "add", "--organization", organization];
    installation.json(&[&of[..], &["--provider", provider, "--account", account]].concat());
}

fn list(installation: &Installation, what: &str, organization: &str) -> Vec<Value> {
    installation.json(&[what, "list", "--organization", organization])
}

/// Posts an event, and waits until it has this status.
fn becomes(installation: &Installation, node: &Node, request: &Request, status: &str) {
    let answer = node.send(request).json();
    assert_eq!(answer["status"], "accepted", "{answer}");
    let id = answer["id"].as_str().expect("an id").to_owned();
    eventually("the event is handled", || {
        let event = &installation.json(&["events", "show", &id])[0];
        let ended = event["status"] != "pending";
        ended.then(|| assert_eq!(event["status"], status, "{event}"))
    });
}

fn texts<'a>(rows: &'a [Value], member: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[member].as_str().unwrap_or_default()).collect()
}

#[test]
fn a_message_ends_in_a_contact_a_conversation_and_a_message_of_its_organization() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        let hello = payloads::message(OURS, "16505551234", "wamid.1", "Does it come in another colour?");
        becomes(&installation, &node, &WHATSAPP.send(hello), "processed");
        let more = payloads::message(OURS, "16505551234", "wamid.2", "In blue?");
        becomes(&installation, &node, &WHATSAPP.send(more), "processed");
        let other = payloads::kapso_message(THEIRS, "4915112345678", "wamid.3", "Guten Tag").to_string();
        becomes(&installation, &node, &KAPSO.send(other), "processed");

        assert_eq!(texts(&list(&installation, "contacts", "acme"), "phone"), ["+16505551234"]);
        let conversations = list(&installation, "conversations", "acme");
        assert_eq!(conversations.len(), 1, "{conversations:?}");
        assert_eq!((&conversations[0]["unreadCount"], &conversations[0]["status"]), (&json!(2), &json!("open")));
        let mut messages = texts_of(&list(&installation, "messages", "acme"));
        messages.sort_unstable();
        assert_eq!(messages, ["Does it come in another colour?", "In blue?"]);

        assert_eq!(texts(&list(&installation, "contacts", "globex"), "phone"), ["+4915112345678"]);
        assert_eq!(texts_of(&list(&installation, "messages", "globex")), ["Guten Tag"]);
        assert_eq!(list(&installation, "conversations", "globex").len(), 1);
    });
}

fn texts_of(messages: &[Value]) -> Vec<String> {
    texts(messages, "text").into_iter().map(str::to_owned).collect()
}

fn kapso_step(step: &str, at: u64) -> Request {
    let mut event = payloads::kapso_message(THEIRS, "4915112345678", "wamid.ours", "It is on its way");
    event["message"]["kapso"]["direction"] = json!("outbound");
    event["message"]["kapso"]["status"] = json!(step);
    event["message"]["to"] = json!("4915112345678");
    let step =
        json!({ "id": "wamid.ours", "status": step, "timestamp": at.to_string(), "recipient_id": "4915112345678" });
    event["message"]["kapso"]["statuses"] = json!([step]);
    let kind = format!("whatsapp.message.{}", step["status"].as_str().unwrap_or_default());
    let request = Request::post("/webhooks/kapso", event.to_string()).header("X-Webhook-Event", kind);
    KAPSO.sign(KAPSO.secret, request)
}

#[test]
fn a_message_of_ours_goes_forward_and_never_back() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        for (step, at, shown) in
            [("sent", 1_767_225_600, "sent"), ("read", 1_767_225_700, "read"), ("delivered", 1_767_225_650, "read")]
        {
            becomes(&installation, &node, &kapso_step(step, at), "processed");
            let messages = list(&installation, "messages", "globex");
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert_eq!(
                (&messages[0]["status"], &messages[0]["direction"]),
                (&json!(shown), &json!("outbound")),
                "{step}"
            );
        }
    });
}

#[test]
fn a_status_that_comes_before_its_message_is_not_lost() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        let early = payloads::status(OURS, "16505551234", "wamid.ours", "delivered", 1_767_225_650);
        becomes(&installation, &node, &WHATSAPP.send(early), "processed");
        let echo = payloads::echo(OURS, "16505551234", "wamid.ours", "It is on its way");
        becomes(&installation, &node, &WHATSAPP.send(echo), "processed");
        let messages = list(&installation, "messages", "acme");
        assert_eq!(texts_of(&messages), ["It is on its way"]);
        assert_eq!(texts(&messages, "status"), ["delivered"]);
        assert_eq!(list(&installation, "conversations", "acme")[0]["unreadCount"], 0, "our own asks nobody");
    });
}

#[test]
fn a_batch_of_kapsos_is_events_of_their_own() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        let event = |id: &str, text: &str| payloads::kapso_message(THEIRS, "4915112345678", id, text);
        let batch =
            payloads::kapso_batch("whatsapp.message.received", &[event("wamid.1", "eins"), event("wamid.2", "zwei")]);
        let answer = node.send(&KAPSO.send(batch)).json();
        assert_eq!(answer["ids"].as_array().map(Vec::len), Some(2), "{answer}");
        let again = node.send(&KAPSO.send(event("wamid.2", "zwei").to_string())).json();
        assert_eq!((&again["status"], &again["id"]), (&json!("already_processed"), &answer["ids"][1]));
        eventually("both are handled", || (installation.events_that_are("processed").len() == 2).then_some(()));
        assert_eq!(list(&installation, "messages", "globex").len(), 2);
    });
}

#[test]
fn metas_notification_is_understood_when_kapso_forwards_it() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        let body = payloads::message(THEIRS, "4915112345678", "wamid.1", "Guten Tag");
        becomes(&installation, &node, &KAPSO.send(body), "processed");
        assert_eq!(texts_of(&list(&installation, "messages", "globex")), ["Guten Tag"]);
    });
}

#[test]
fn an_event_of_an_unknown_number_waits_until_the_number_is_connected() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        let body = payloads::message("999", "16505551234", "wamid.early", "Anybody there?");
        becomes(&installation, &node, &WHATSAPP.send(body), "unresolved");
        assert_eq!(list(&installation, "messages", "acme").len(), 0);
        connect(&installation, "acme", "whatsapp", "999");
        eventually("it is handled", || (installation.events_that_are("processed").len() == 1).then_some(()));
        assert_eq!(texts_of(&list(&installation, "messages", "acme")), ["Anybody there?"]);
        assert_eq!(list(&installation, "messages", "globex").len(), 0);
    });
}

/// The samples of `dev`: each vendor's subscription, and an event about it.
const SUBSCRIPTIONS: [(Vendor, &str, &str, &str); 3] = [
    (STRIPE, "active", include_str!("../../samples/stripe.json"), "past_due"),
    (POLAR, "trialing", include_str!("../../samples/polar.json"), "active"),
    (LEMON_SQUEEZY, "active", include_str!("../../samples/lemon-squeezy.json"), "cancelled"),
];

fn status_of(installation: &Installation, vendor: &str) -> Value {
    let subscriptions = list(installation, "subscriptions", "demo");
    let mut of_vendor = subscriptions.into_iter().filter(|subscription| subscription["provider"] == vendor);
    let status = of_vendor.next().map_or(Value::Null, |subscription| subscription["status"].clone());
    assert!(of_vendor.next().is_none(), "{vendor} has two");
    status
}

#[test]
fn subscriptions_follow_what_billing_vendors_tell() {
    both(|installation| {
        let installation = two_tenants(installation);
        create(&installation, "Demo", "demo");
        let node = installation.start();
        for (vendor, first, news, second) in SUBSCRIPTIONS {
            becomes(&installation, &node, &vendor.event(), "processed");
            assert_eq!(status_of(&installation, vendor.id), first, "{}", vendor.id);
            becomes(&installation, &node, &vendor.send(news), "processed");
            assert_eq!(status_of(&installation, vendor.id), second, "{}", vendor.id);
        }
        assert_eq!(list(&installation, "subscriptions", "demo").len(), 3);
        assert_eq!(list(&installation, "subscriptions", "acme").len(), 0);
    });
}

fn stripe(id: &str, kind: &str, created: u64, status: &str) -> Request {
    let mut event: Value = serde_json::from_str(STRIPE.body).expect("the sample is JSON");
    event["id"] = json!(id);
    event["type"] = json!(kind);
    event["created"] = json!(created);
    event["data"]["object"]["status"] = json!(status);
    STRIPE.send(event.to_string())
}

#[test]
fn a_late_event_does_not_bring_back_what_was_deleted() {
    both(|installation| {
        let installation = two_tenants(installation);
        create(&installation, "Demo", "demo");
        let node = installation.start();
        for (id, kind, created, status) in [
            ("evt_3", "customer.subscription.deleted", 1_767_225_900, "canceled"),
            ("evt_1", "customer.subscription.created", 1_767_225_600, "active"),
            ("evt_2", "customer.subscription.updated", 1_767_225_700, "active"),
        ] {
            node.send(&stripe(id, kind, created, status));
        }
        eventually("they are handled", || installation.events_that_are("pending").is_empty().then_some(()));
        assert_eq!(installation.events_that_are("dead").len(), 0);
        assert_eq!(status_of(&installation, "stripe"), "cancelled");
    });
}

#[test]
fn a_subscription_of_an_unknown_organization_waits_until_it_is_there() {
    both(|installation| {
        let installation = two_tenants(installation);
        let node = installation.start();
        for (vendor, ..) in SUBSCRIPTIONS {
            becomes(&installation, &node, &vendor.event(), "unresolved");
        }
        create(&installation, "Demo", "demo");
        eventually("they are handled", || (installation.events_that_are("processed").len() == 3).then_some(()));
        for (vendor, first, ..) in SUBSCRIPTIONS {
            assert_eq!(status_of(&installation, vendor.id), first, "{}", vendor.id);
        }
    });
}

#[test]
fn a_replay_of_everything_changes_nothing() {
    both(|installation| {
        let installation = two_tenants(installation);
        create(&installation, "Demo", "demo");
        let node = installation.start();
        let message = payloads::message(OURS, "16505551234", "wamid.1", "Hello");
        let requests = [WHATSAPP.send(message), kapso_step("sent", 1_767_225_600), kapso_step("read", 1_767_225_700)];
        for request in requests {
            becomes(&installation, &node, &request, "processed");
        }
        for (vendor, _, news, _) in SUBSCRIPTIONS {
            becomes(&installation, &node, &vendor.event(), "processed");
            becomes(&installation, &node, &vendor.send(news), "processed");
        }
        let state = || {
            let of = |organization| {
                ["contacts", "conversations", "messages", "subscriptions"]
                    .map(|what| list(&installation, what, organization))
            };
            ["acme", "globex", "demo"].map(of)
        };
        let before = state();
        let replayed = &installation.json(&["events", "replay", "--since", "1h"])[0]["replayed"];
        assert_eq!(replayed, 9);
        eventually("they are handled again", || installation.events_that_are("pending").is_empty().then_some(()));
        assert_eq!(installation.events_that_are("dead"), Vec::<Value>::new());
        assert_eq!(state(), before);
    });
}
