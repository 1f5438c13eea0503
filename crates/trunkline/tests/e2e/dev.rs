//! `trunkline dev`, and the commands that it prints.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    harness::{Installation, Node, Request, eventually, skipped, sqlite},
    vendors::GENERIC,
};

/// Runs a printed line in a shell whose environment has only `PATH`.
fn paste(installation: &Installation, line: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(installation.folder()).env_clear();
    let output = shell.env("PATH", crate::harness::variable("PATH").unwrap_or_default()).output().expect("a shell");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the rows that a printed command shows.
fn rows(installation: &Installation, node: &Node, what: &str) -> Vec<Value> {
    let said = node.said();
    let line = said.lines().find(|line| line.ends_with(what)).expect("the command is printed");
    let printed = paste(installation, &format!("{line} --json"));
    printed.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn every_line_that_dev_prints_can_be_pasted() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skipped("curl is not installed");
    }
    sqlite(|installation| {
        // Names of folders may contain spaces.
        let data = installation.folder().join("my data");
        let installation = installation.with("TRUNKLINE_DATA", data.to_str().expect("a path in UTF-8"));
        let node = Node::dev(&installation);
        let said = eventually("it says what to try", || Some(node.said()).filter(|said| said.contains("Ctrl-C")));
        let lines: Vec<_> = said.lines().filter(|line| line.contains("/webhooks/")).collect();
        assert_eq!(lines.len(), 5, "{said}");
        for line in &lines {
            let answer: Value = serde_json::from_str(&paste(&installation, line)).expect("JSON");
            assert_eq!(answer["status"], "accepted", "{line}: {answer}");
        }
        let all = |events: &[Value]| events.len() == 8 && events.iter().all(|event| event["status"] == "processed");
        eventually("all is handled", || Some(rows(&installation, &node, "events list")).filter(|events| all(events)));
        assert_eq!(rows(&installation, &node, "conversations list").len(), 2);
        assert_eq!(rows(&installation, &node, "messages list").len(), 2);
        let mut statuses: Vec<_> =
            rows(&installation, &node, "subscriptions list").iter().map(|row| row["status"].to_string()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, ["\"active\"", "\"cancelled\"", "\"past_due\""]);
    });
}

#[test]
fn dev_shows_an_api_key_and_what_it_is_good_for() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skipped("curl is not installed");
    }
    sqlite(|installation| {
        let node = Node::dev(&installation);
        let said = eventually("it says what to try", || Some(node.said()).filter(|said| said.contains("Ctrl-C")));
        let lines = |part: &str| said.lines().filter(|line| line.contains(part)).collect::<Vec<_>>();
        let [create, list] = lines("/v1/customers")[..] else { panic!("{said}") };
        let answer = |line: &str| -> Value { serde_json::from_str(&paste(&installation, line)).expect("JSON") };
        assert_eq!(answer(create)["name"], "Acme");
        paste(&installation, lines("customers create")[0]);
        let listed = answer(list);
        let names: Vec<_> = listed["page"].as_array().expect("a page").iter().map(|row| row["name"].clone()).collect();
        assert_eq!(names, ["Globex", "Acme"], "the newest first");
        assert_eq!(rows(&installation, &node, "customers list").len(), 2);
        paste(&installation, lines("codegen typescript")[0]);
        assert!(installation.folder().join("trunkline/api.d.ts").exists());
    });
}

#[test]
fn a_key_of_dev_that_was_revoked_is_followed_by_another() {
    sqlite(|installation| {
        let key = |node: &Node| {
            let said = eventually("it says what to try", || Some(node.said()).filter(|said| said.contains("Ctrl-C")));
            let begin = said.find("sk_").expect("a key is shown");
            said[begin..begin + 67].to_owned()
        };
        let use_it = |node: &Node, key: &str| {
            node.send(&Request::get("/v1/customers").header("authorization", format!("Bearer {key}"))).status
        };
        let node = Node::dev(&installation);
        let first = key(&node);
        assert_eq!(use_it(&node, &first), 200);
        let keys = installation.json(&["keys", "list"]);
        let id = keys[0]["_id"].as_str().expect("it is listed");
        assert_eq!(installation.run(&["keys", "revoke", "--api-key-id", id]).code, Some(0));
        assert_eq!(use_it(&node, &first), 401);
        assert!(node.stop().success());
        let node = Node::dev(&installation);
        let second = key(&node);
        assert_ne!(first, second);
        assert_eq!(use_it(&node, &second), 200);
    });
}

#[test]
fn started_again_dev_has_the_same_secrets_and_the_same_demo() {
    sqlite(|installation| {
        let look = || {
            let node = Node::dev(&installation);
            eventually("it is seeded", || (installation.events_that_are("processed").len() == 3).then_some(()));
            let lists =
                ["organizations", "connections", "subscriptions"].map(|what| installation.json(&[what, "list"]));
            assert!(node.stop().success());
            (lists, fs::read_to_string(installation.data().join("dev-secrets.env")).expect("the secrets are kept"))
        };
        assert_eq!(look(), look());
    });
}

#[test]
fn dev_faces_nobody_but_this_machine() {
    sqlite(|installation| {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let ran = installation.run(&["dev", "--listen", address]);
            assert_eq!(ran.code, Some(5), "{}", ran.stderr);
            assert!(ran.stderr.contains("loopback"), "{}", ran.stderr);
        }
    });
}

#[test]
fn dev_reads_settings_from_files_and_serve_does_not() {
    sqlite(|installation| {
        installation.file(".env", "CRON_SECRET=of-the-far-file-00\nGENERIC_WEBHOOK_SECRET=whsec_bmV3LXNlY3JldC0w\n");
        installation.file(".env.local", "CRON_SECRET=of-the-near-file-0\n");
        let installation = GENERIC.on(installation);
        let fire = |node: &Node, secret: &str| {
            let request = Request::get("/api/cron/inbox-retention").header("authorization", format!("Bearer {secret}"));
            node.send(&request).status
        };
        let node = Node::dev(&installation);
        assert_eq!(fire(&node, "of-the-far-file-00"), 401);
        assert_eq!(fire(&node, "of-the-near-file-0"), 200, "the nearer file wins");
        assert_eq!(node.send(&GENERIC.event()).json()["status"], json!("accepted"), "the environment wins over both");
        assert!(node.stop().success());
        let node = installation.start();
        assert_eq!(fire(&node, "of-the-near-file-0"), 503, "no secret was set");
    });
}
