//! The start and the end of the process.

use std::{
    io::{BufReader, Write},
    net::TcpListener,
};

use crate::{
    harness::{Node, both, eventually, pause, read, sqlite},
    vendors::{GENERIC, WHATSAPP},
};

#[test]
fn told_to_stop_it_finishes_what_was_begun_and_ends_well() {
    both(|installation| {
        let installation = GENERIC.on(installation);
        let node = installation.start();
        // An idle connection must not delay the end.
        let mut idle = node.client();
        assert_eq!(idle.send(&GENERIC.event()).status, 200);
        let mut stream = node.client().connect().expect("the node accepts");
        let begun = GENERIC.send(r#"{"type":"begun"}"#);
        stream.write_all(begun.head().as_bytes()).expect("the node reads");
        stream.write_all(&begun.body[..4]).expect("the node reads");
        pause(200);
        node.terminate();
        eventually("nobody new is let in", || node.client().connect().is_err().then_some(()));
        stream.write_all(&begun.body[4..]).expect("the node still reads");
        let answer = read(&mut BufReader::new(stream)).expect("an answer");
        assert_eq!(answer.json()["status"], "accepted", "{}", answer.text());
        let status = node.wait();
        assert!(status.success(), "{status}");
        assert_eq!(installation.events().len(), 2);
    });
}

#[test]
fn started_again_it_knows_what_came_before() {
    both(|installation| {
        let installation = WHATSAPP.on(GENERIC.on(installation));
        let node = installation.start();
        let first = node.send(&GENERIC.event()).json();
        assert!(node.stop().success());
        let mut node = installation.start();
        let again = node.send(&GENERIC.event()).json();
        assert_eq!((again["status"].as_str(), &again["id"]), (Some("already_processed"), &first["id"]));
        node.kill();
        node.start_again(&installation);
        assert_eq!(node.send(&GENERIC.event()).json()["id"], first["id"]);
    });
}

#[test]
fn a_second_process_on_the_same_sqlite_file_is_refused() {
    sqlite(|installation| {
        let mut node = installation.start();
        let second = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(second.code, Some(4), "{}", second.stderr);
        assert!(second.stderr.contains("another process serves this SQLite database"), "{}", second.stderr);
        assert_eq!(node.get("/health/ready").status, 200, "the first goes on");
        node.kill();
        node.start_again(&installation);
        assert_eq!(node.get("/health/ready").status, 200, "a killed one holds nothing back");
    });
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named() {
    sqlite(|installation| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
        for address in [taken.1.as_str(), "203.0.113.7:4000", "nowhere", "127.0.0.1:99999"] {
            let ran = installation.run(&["serve", "--listen", address]);
            assert_eq!(ran.code, Some(5), "{address}: {}", ran.stderr);
            assert!(ran.stderr.contains(address) && ran.stderr.contains("--listen"), "{address}: {}", ran.stderr);
        }
    });
}

#[test]
fn settings_that_cannot_be_meant_stop_the_start_and_are_named() {
    for (name, value, named) in [
        ("PIPEDRIVE_WEBHOOK_USER", "hook", "PIPEDRIVE_WEBHOOK_PASSWORD"),
        ("GENERIC_WEBHOOK_SECRET", "whsec_not base64", "GENERIC_WEBHOOK_SECRET"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEY", "AAAA", "SENDGRID_WEBHOOK_PUBLIC_KEY"),
        ("CRON_SECRET", "short", "CRON_SECRET"),
        ("TRUNKLINE_INBOX_RETENTION", "for ever", "TRUNKLINE_INBOX_RETENTION"),
        ("TRUNKLINE_PUBLIC_URL", "hooks", "TRUNKLINE_PUBLIC_URL"),
        ("DATABASE_URL", "mysql://db/trunkline", "DATABASE_URL"),
    ] {
        sqlite(|installation| {
            let ran = installation.with(name, value).run(&["serve", "--listen", "127.0.0.1:0"]);
            assert_eq!(ran.code, Some(5), "{name}: {}", ran.stderr);
            assert!(ran.stderr.contains(named), "{name}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        });
    }
}

#[test]
fn logs_are_one_object_a_line_and_tell_neither_people_nor_secrets() {
    sqlite(|installation| {
        let installation = WHATSAPP.on(installation).with("TRUNKLINE_LOG", "debug");
        let node = installation.start();
        node.send(&WHATSAPP.event());
        node.send(&WHATSAPP.sign("another_secret", WHATSAPP.event()));
        node.send(&WHATSAPP.send(r#"{"entry":"mail ada@example.com or +4915112345678"}"#));
        eventually("it is handled", || installation.events_that_are("pending").is_empty().then_some(()));
        let log = stopped(node);
        for line in log.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        for secret in ["app_secret", "ada@example.com", "4915112345678", "16505551234"] {
            assert!(!log.contains(secret), "{secret} in\n{log}");
        }
        assert!(log.contains("stopped"), "{log}");
    });
}

fn stopped(node: Node) -> String {
    node.terminate();
    eventually("it says goodbye", || node.log().contains("\"stopped\"").then_some(()));
    let log = node.log();
    assert!(node.wait().success());
    log
}
