//! Webhooks of vendors, and forgeries.

use serde_json::{Value, json};

use crate::{
    harness::{Answer, Installation, Node, Request, both, eventually, sqlite},
    vendors::{ALL, GENERIC, HUBSPOT, KAPSO, STRIPE, Vendor},
};

/// Creates an installation that receives the webhooks of all vendors.
fn with_all(installation: Installation) -> Installation {
    ALL.iter().fold(installation, |installation, vendor| vendor.on(installation))
}

fn id(answer: &Answer, status: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["status"], status, "{body}");
    let id = body["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("evt_"), "{body}");
    id.to_owned()
}

#[test]
fn every_vendors_signed_event_is_accepted_once() {
    both(|installation| {
        let installation = with_all(installation);
        let node = installation.start();
        for vendor in ALL {
            let first = id(&node.send(&vendor.event()), "accepted");
            let again = id(&node.send(&vendor.event()), "already_processed");
            assert_eq!(first, again, "{}", vendor.id);
        }
        let events = installation.events();
        assert_eq!(events.len(), ALL.len());
        for vendor in ALL {
            assert_eq!(events.iter().filter(|event| event["provider"] == vendor.id).count(), 1, "{}", vendor.id);
        }
        // No account is connected, so that events can only be kept for later, and none is dead.
        eventually("every event is handled", || installation.events_that_are("pending").is_empty().then_some(()));
        assert_eq!(installation.events_that_are("dead"), Vec::<Value>::new());
    });
}

#[test]
fn a_forged_event_is_refused_and_nothing_of_it_is_kept() {
    both(|installation| {
        let installation = with_all(installation);
        let node = installation.start();
        for vendor in ALL {
            for forged in forgeries(&vendor) {
                is_refused(&node, vendor.id, &forged);
            }
        }
        assert_eq!(installation.events(), Vec::<Value>::new());
        let metrics = node.get("/metrics").text();
        for vendor in ALL {
            let counted = format!("trunkline_webhooks_refused_total{{provider=\"{}\"}}", vendor.id);
            assert!(metrics.contains(&counted), "{counted}\n{metrics}");
        }
    });
}

/// Requests with another secret, without a signature, and with a byte more than was signed.
fn forgeries(vendor: &Vendor) -> Vec<Request> {
    let unsigned = Request::post(format!("/webhooks/{}", vendor.id), vendor.body);
    let mut forgeries = vec![vendor.sign(vendor.other_secret, unsigned.clone()), unsigned];
    if vendor.covers_body {
        let mut longer = vendor.event();
        longer.body.push(b' ');
        forgeries.push(longer);
    }
    forgeries
}

fn is_refused(node: &Node, vendor: &str, forged: &Request) {
    let answer = node.send(forged);
    assert_eq!(answer.status, 401, "{vendor}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(401), &json!("unauthenticated")), "{vendor}");
    assert_eq!(problem["requestId"].as_str(), answer.header("x-request-id"), "{vendor}");
    assert!(problem["requestId"].is_string(), "{vendor}");
}

#[test]
fn the_paths_that_products_registered_long_ago_lead_to_the_same_inbox() {
    let registered = [
        ("workos", "/webhooks/workos"),
        ("polar", "/polar/events"),
        ("lemon-squeezy", "/webhooks/lemon-squeezy"),
        ("stripe", "/api/webhooks/stripe"),
        ("whatsapp", "/api/webhooks/whatsapp"),
        ("kapso", "/api/webhook/kapso"),
        ("hubspot", "/api/crm/webhooks/hubspot"),
        ("pipedrive", "/api/crm/webhooks/pipedrive"),
        ("salesforce", "/api/crm/webhooks/salesforce"),
    ];
    sqlite(|installation| {
        let node = with_all(installation).start();
        for (name, path) in registered {
            let vendor = ALL.into_iter().find(|vendor| vendor.id == name).unwrap();
            let first = id(&node.send(&vendor.sign(vendor.secret, Request::post(path, vendor.body))), "accepted");
            if path != format!("/webhooks/{name}") {
                assert_eq!(id(&node.send(&vendor.event()), "already_processed"), first, "{name}");
            }
        }
    });
}

#[test]
fn a_path_that_names_a_connection_is_an_inbox_of_its_own() {
    sqlite(|installation| {
        let installation = with_all(installation);
        let node = installation.start();
        for vendor in ALL {
            let request = Request::post(format!("/webhooks/{}/con_of_one_tenant", vendor.id), vendor.body);
            let of_connection = id(&node.send(&vendor.sign(vendor.secret, request)), "accepted");
            assert_ne!(id(&node.send(&vendor.event()), "accepted"), of_connection, "{}", vendor.id);
        }
        let named = installation.events().into_iter().filter(|event| event["connection"] == "con_of_one_tenant");
        assert_eq!(named.count(), ALL.len());
    });
}

#[test]
fn while_a_secret_is_replaced_both_are_good() {
    sqlite(|installation| {
        let both = format!("{}, {}", GENERIC.secret, GENERIC.other_secret);
        let node = installation.with("GENERIC_WEBHOOK_SECRET", &both).start();
        for (event, secret) in [("one", GENERIC.secret), ("two", GENERIC.other_secret)] {
            let request = Request::post("/webhooks/generic", GENERIC.body).header("webhook-id", event);
            id(&node.send(&GENERIC.sign(secret, request)), "accepted");
        }
    });
}

#[test]
fn a_request_with_several_events_tells_the_ids_of_all() {
    sqlite(|installation| {
        let installation = HUBSPOT.on(installation);
        let node = installation.start();
        let event = |id: u8| format!(r#"{{"eventId":{id},"subscriptionType":"contact.creation","objectId":5}}"#);
        let body = format!("[{},{}]", event(1), event(2));
        let answer = node.send(&HUBSPOT.send(body)).json();
        assert_eq!(answer["ids"].as_array().map(Vec::len), Some(2), "{answer}");
        assert_eq!(answer["id"], answer["ids"][0]);
        let half_known = node.send(&HUBSPOT.send(format!("[{},{}]", event(2), event(3)))).json();
        assert_eq!(half_known["status"], "accepted");
        assert_eq!(half_known["ids"][0], answer["ids"][1]);
        assert_eq!(installation.events().len(), 3);
    });
}

#[test]
fn signed_garbage_is_kept_as_a_dead_letter() {
    both(|installation| {
        let installation = with_all(installation);
        let node = installation.start();
        let mut client = node.client();
        let garbage: [&[u8]; 3] = [b"{\"id\":", b"\xff\xfe\x00", b"42"];
        for vendor in ALL {
            for (at, body) in garbage.into_iter().enumerate() {
                let answer = client.send(&vendor.send([body, at.to_string().as_bytes()].concat()));
                id(&answer, "accepted");
            }
        }
        let dead = installation.events_that_are("dead");
        assert_eq!(dead.len(), garbage.len() * ALL.len());
        assert!(dead.iter().all(|event| event["error"].is_string() && event["kind"] == "malformed"), "{dead:?}");
        assert_eq!(installation.events().len(), dead.len());
        let shown = installation.run(&["events", "show", dead[0]["id"].as_str().unwrap()]);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.contains("malformed"), "{}", shown.stdout);
    });
}

#[test]
fn headers_that_open_doors_are_never_kept() {
    both(|installation| {
        let installation = with_all(installation);
        let node = installation.start();
        for vendor in ALL {
            let opening = ["cookie", "x-api-key", "x-auth-token", "x-forwarded-for", "proxy-authorization"];
            let request = opening.into_iter().fold(vendor.event(), |request, name| request.header(name, "tell-nobody"));
            let knows_authorization = vendor.id == "pipedrive";
            let request =
                if knows_authorization { request } else { request.header("authorization", "Bearer tell-nobody") };
            assert_eq!(node.send(&request.header("content-type", "application/json")).status, 200, "{}", vendor.id);
        }
        let kept = installation.texts("select coalesce(headers, '') from inbox_events").join("\n");
        assert!(kept.contains("application/json") && kept.to_lowercase().contains("stripe-signature"), "{kept}");
        for secret in ["tell-nobody", "s3cret", "aG9va", "a shared secret", "authorization", "cookie"] {
            assert!(!kept.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {kept}");
        }
    });
}

#[test]
fn kapso_signs_under_two_names() {
    sqlite(|installation| {
        let node = KAPSO.on(installation).start();
        let mut older = KAPSO.event();
        older.headers[0].0 = "x-kapso-signature".to_owned();
        let first = id(&node.send(&older), "accepted");
        assert_eq!(id(&node.send(&KAPSO.event()), "already_processed"), first);
    });
}

#[test]
fn an_event_that_comes_64_times_at_once_is_accepted_once() {
    both(|installation| {
        let installation = STRIPE.on(installation);
        let node = installation.start();
        let answers: Vec<Value> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..64).map(|_| scope.spawn(|| node.send(&STRIPE.event()).json())).collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| answer["status"] == "accepted").count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer["id"] == answers[0]["id"]), "{answers:?}");
        assert_eq!(installation.events().len(), 1);
    });
}
