//! The commands, with and without a running server.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    harness::{Installation, Request, both, eventually, postgres, sqlite},
    payloads,
    vendors::{ALL, GENERIC, STRIPE, WHATSAPP},
};

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn events_are_listed_with_exactly_these_members() {
    both(|installation| {
        let installation = WHATSAPP.on(GENERIC.on(installation));
        let node = installation.start();
        node.send(&GENERIC.event());
        node.send(&GENERIC.send("not json"));
        node.send(&WHATSAPP.event());
        eventually("they are handled", || installation.events_that_are("pending").is_empty().then_some(()));
        let promised = [
            "id",
            "provider",
            "connection",
            "externalId",
            "kind",
            "status",
            "attempts",
            "receivedAt",
            "processedAt",
            "error",
        ];
        let events = installation.events();
        assert_eq!(events.len(), 3);
        for event in &events {
            assert_eq!(keys(event), BTreeSet::from(promised), "{event}");
            let has_ended = event["status"] != "unhandled";
            assert!(event["receivedAt"].is_i64() && event["processedAt"].is_i64() == has_ended, "{event}");
        }
        let statuses: Vec<_> = events.iter().map(|event| event["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["unresolved", "dead", "unhandled"], "newest first");
    });
}

#[test]
fn events_are_listed_by_vendor_by_status_and_not_all() {
    both(|installation| {
        let installation = WHATSAPP.on(GENERIC.on(installation));
        let node = installation.start();
        for at in 0..5 {
            node.send(&GENERIC.send(format!(r#"{{"type":"number.{at}"}}"#)));
        }
        node.send(&WHATSAPP.event());
        eventually("they are handled", || installation.events_that_are("pending").is_empty().then_some(()));
        let list = |words: &[&str]| installation.json(&[&["events", "list"], words].concat());
        assert_eq!(list(&["--provider", "generic"]).len(), 5);
        assert_eq!(list(&["--provider", "generic", "--limit", "2"])[0]["kind"], "number.4");
        assert_eq!(list(&["--provider", "generic", "--limit", "2"]).len(), 2);
        assert_eq!(list(&["--status", "unresolved"]).len(), 1);
        assert_eq!(list(&["--status", "unresolved", "--provider", "generic"]).len(), 0);
        let wrong = installation.run(&["events", "list", "--status", "lost"]);
        assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
        assert_eq!(installation.run(&["events", "show", "evt_nonsense"]).code, Some(2));
    });
}

#[test]
fn an_event_is_shown_with_its_payload_and_replayed() {
    both(|installation| {
        let installation = STRIPE.on(installation);
        let node = installation.start();
        let event = r#"{"id":"evt_1","object":"event","type":"radar.early_fraud_warning.created","created":1700000000,
            "livemode":false,"data":{"object":{"id":"issfr_1","object":"radar.early_fraud_warning"}}}"#;
        let id = node.send(&STRIPE.send(event)).json()["id"].as_str().unwrap().to_owned();
        let shown = &installation.json(&["events", "show", &id])[0];
        assert_eq!(shown["payload"]["type"], "radar.early_fraud_warning.created", "{shown}");
        let handled = || {
            eventually("it is handled", || {
                let event = installation.events().remove(0);
                (event["status"] == "ignored").then_some(event)
            })
        };
        let first = handled();
        assert_eq!(installation.json(&["events", "replay", &id])[0]["replayed"], 1);
        let second = handled();
        assert!(second["processedAt"].as_i64() >= first["processedAt"].as_i64());
        assert_eq!(installation.json(&["events", "replay", "--since", "1h"])[0]["replayed"], 1);
        handled();
        assert_eq!(installation.json(&["events", "replay", "--since", "1h", "--status", "dead"])[0]["replayed"], 0);
    });
}

#[test]
fn what_a_vendors_own_command_signs_is_accepted() {
    both(|installation| {
        let installation = ALL.iter().fold(installation, |installation, vendor| vendor.on(installation));
        let node = installation.start();
        for vendor in ALL.iter().filter(|vendor| vendor.id != "sendgrid") {
            let file = installation.file("body.json", vendor.body);
            let url = format!("{}/webhooks/{}", crate::harness::PUBLIC, vendor.id);
            let words = ["sign", vendor.id, "--url", &url, file.to_str().unwrap()];
            let of_environment = installation.run(&words);
            let of_flag = installation.run(&[&words[..], &["--secret", vendor.secret]].concat());
            for ran in [of_environment, of_flag] {
                assert_eq!(ran.code, Some(0), "{}: {}", vendor.id, ran.stderr);
                let request = Request::post(format!("/webhooks/{}", vendor.id), vendor.body);
                let signed = ran.stdout.lines().fold(request, |request, line| {
                    let (name, value) = line.split_once(": ").expect("a header");
                    request.header(name, value)
                });
                assert_eq!(node.send(&signed).status, 200, "{}", vendor.id);
            }
        }
        assert_eq!(installation.events().len(), ALL.len() - 1, "signed twice, it is still one event");
        let only_the_vendor = installation.run(&["sign", "sendgrid", "-"]);
        assert_eq!(only_the_vendor.code, Some(9), "{}", only_the_vendor.stderr);
        assert_eq!(installation.run(&["sign", "nobody", "-"]).code, Some(3));
    });
}

#[test]
fn a_body_to_sign_may_come_from_standard_input() {
    sqlite(|installation| {
        let node = STRIPE.on(installation);
        let ran = node.run_with(&["sign", "stripe", "-"], b"{}");
        assert!(ran.stdout.to_lowercase().starts_with("stripe-signature: t="), "{ran:?}");
    });
}

#[test]
fn the_doctor_says_what_is_on_what_is_off_and_what_to_mend() {
    both(|installation| {
        let installation = STRIPE.on(installation);
        let behind = installation.run(&["doctor", "--json"]);
        assert_eq!(behind.code, Some(0), "{}", behind.stderr);
        installation.json(&["migrate"]);
        let findings = installation.json(&["doctor"]);
        let find = |findings: &[Value], check: &str| {
            findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("no {check}")).clone()
        };
        assert_eq!(find(&findings, "database")["status"], "ok");
        assert_eq!(find(&findings, "stripe webhooks")["status"], "ok");
        let off = find(&findings, "polar webhooks");
        assert_eq!(off["status"], "off");
        assert!(off["detail"].as_str().unwrap().contains("POLAR_WEBHOOK_SECRET"), "{off}");
        for vendor in ALL {
            find(&findings, &format!("{} webhooks", vendor.id));
        }
        let half = installation.with("PIPEDRIVE_WEBHOOK_USER", "hook").run(&["doctor", "--json"]);
        assert_eq!(half.code, Some(5), "{}", half.stderr);
        assert!(half.stdout.contains("PIPEDRIVE_WEBHOOK_PASSWORD"), "{}", half.stdout);
    });
}

#[test]
fn commands_that_read_make_no_database_and_bring_none_up_to_date() {
    both(|installation| {
        let reads: [&[&str]; 4] =
            [&["events", "list"], &["jobs", "list"], &["organizations", "list"], &["contacts", "list"]];
        for words in reads {
            let ran = installation.run(words);
            assert!([Some(3), Some(5)].contains(&ran.code), "{words:?}: {ran:?}");
            assert!(ran.stderr.contains("trunkline migrate"), "{words:?}: {}", ran.stderr);
        }
        let findings = installation.run(&["doctor"]);
        assert_eq!(findings.code, Some(0), "{}", findings.stderr);
        assert_eq!(std::fs::read_dir(installation.data()).unwrap().count(), 0, "no file was made");
        installation.json(&["migrate"]);
        assert!(installation.events().is_empty());
    });
}

#[test]
fn the_doctor_does_the_arithmetic_of_connections() {
    postgres(|installation| {
        let find = |installation: &Installation| {
            let found = installation.json(&["doctor"]).into_iter().find(|finding| finding["check"] == "connections");
            found.expect("PostgreSQL has connections")
        };
        let installation = installation.with("TRUNKLINE_DATABASE_CONNECTIONS", "4");
        let enough = find(&installation);
        assert!(enough["detail"].as_str().unwrap().starts_with("each node takes up to 7; "), "{enough}");
        let installation = installation.with("TRUNKLINE_DATABASE_CONNECTIONS", "1000");
        let short = find(&installation);
        assert_eq!(short["status"], "warning", "{short}");
        assert!(short["detail"].as_str().unwrap().contains("TRUNKLINE_DATABASE_CONNECTIONS"), "{short}");
    });
}

#[test]
fn the_doctor_warns_of_a_version_of_a_vendors_api_that_has_ended() {
    sqlite(|installation| {
        let installation =
            installation.with("WHATSAPP_ACCESS_TOKEN", "EAAG0123456789").with("WHATSAPP_PHONE_NUMBER_ID", "1");
        let whatsapp = |installation: &Installation| {
            let findings = installation.json(&["doctor"]);
            findings.into_iter().find(|finding| finding["check"] == "whatsapp settings").expect("it is looked at")
        };
        assert_eq!(whatsapp(&installation)["status"], "ok");
        let ended = whatsapp(&installation.with("WHATSAPP_API_VERSION", "v18.0"));
        assert_eq!(ended["status"], "warning", "{ended}");
        assert!(ended["detail"].as_str().unwrap().contains("v18.0 of Meta's Graph API has ended"), "{ended}");
    });
}

#[test]
fn the_environment_is_printed_with_every_variable_and_no_value() {
    sqlite(|installation| {
        let installation = ALL.iter().fold(installation, |installation, vendor| vendor.on(installation));
        let printed = installation.run(&["env"]);
        assert_eq!(printed.code, Some(0));
        let own = ["DATABASE_URL", "TRUNKLINE_LISTEN", "TRUNKLINE_PUBLIC_URL", "TRUNKLINE_DATA", "CRON_SECRET"];
        let tokens = ["WHATSAPP_WEBHOOK_VERIFY_TOKEN", "KAPSO_WEBHOOK_VERIFY_TOKEN", "TRUNKLINE_INBOX_RETENTION"];
        let vendors = ALL.iter().flat_map(|vendor| vendor.variables.iter().map(|(name, _)| *name));
        for name in own.into_iter().chain(tokens).chain(vendors) {
            assert!(printed.stdout.contains(&format!("{name}=")), "{name}");
        }
        for vendor in ALL {
            assert!(!printed.stdout.contains(vendor.secret), "{}", vendor.id);
        }
    });
}

#[test]
fn a_database_is_migrated_once() {
    both(|installation| {
        let applied = installation.json(&["migrate"]);
        assert!(!applied.is_empty() && applied.iter().all(|step| step["applied"].is_string()), "{applied:?}");
        assert!(installation.json(&["migrate"]).is_empty());
    });
}

#[test]
fn organizations_and_connections_are_made_once_and_listed() {
    both(|installation| {
        let create = ["organizations", "create", "--name", "Acme", "--external-id", "demo=acme"];
        let made = &installation.json(&create)[0];
        assert!(made["_id"].as_str().unwrap().starts_with("org_"), "{made}");
        assert_eq!(installation.run(&create).code, Some(4), "its name elsewhere is taken");
        assert_eq!(&installation.json(&["organizations", "list"]), std::slice::from_ref(made));
        let add =
            ["connections", "add", "--organization", "acme", "--provider", "whatsapp", "--account", "106540352242922"];
        let connection = &installation.json(&add)[0];
        assert_eq!(installation.run(&add).code, Some(4));
        assert_eq!(
            installation.json(&["connections", "list", "--organization", "acme"]),
            std::slice::from_ref(connection)
        );
        let unknown = installation.run(&["connections", "list", "--organization", "nobody"]);
        assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
        assert_eq!(installation.json(&["messages", "list"]).len(), 0);
    });
}

#[test]
fn tables_for_people_show_what_lines_for_scripts_show() {
    sqlite(|installation| {
        let installation = WHATSAPP.on(installation);
        installation.json(&["organizations", "create", "--name", "Acme", "--external-id", "demo=acme"]);
        installation.json(&["connections", "add", "--provider", "whatsapp", "--account", "1"]);
        let node = installation.start();
        node.send(&WHATSAPP.send(payloads::message("1", "491701234567", "wamid.1", "Have you got it in blue?")));
        eventually("it is handled", || installation.events_that_are("processed").first().map(drop));
        for (words, shown) in [
            (["events", "list"], "processed"),
            (["contacts", "list"], "+491701234567"),
            (["conversations", "list"], "Have you got it in blue?"),
            (["messages", "list"], "Have you got it in blue?"),
        ] {
            let table = installation.run(&words);
            assert_eq!(table.code, Some(0), "{}", table.stderr);
            assert!(table.stdout.contains(shown), "{words:?}:\n{}", table.stdout);
        }
    });
}
