//! Operations of the real binary: as commands on the data folder, over REST, and as commands on another server.

use serde_json::{Value, json};

use crate::harness::{Installation, Node, Request, both};

/// Creates the organization Acme, and an API key of it on the command line.
fn acme(installation: &Installation, role: &str) -> (String, String) {
    installation.json(&["organizations", "create", "--name", "Acme"]);
    let made = installation.json(&["keys", "create", "--name", "CI", "--role", role]).remove(0);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("_id"), text("key"))
}

fn with_key(request: Request, key: &str) -> Request {
    request.header("authorization", format!("Bearer {key}"))
}

fn settings(node: &Node, key: &str) -> Value {
    let answer = node.send(&with_key(Request::get("/v1/settings"), key));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_key_made_on_the_command_line_is_good_over_rest_until_it_is_revoked() {
    both(|installation| {
        let (id, key) = acme(&installation, "admin");
        let node = installation.start();
        assert_eq!(settings(&node, &key)["timeZone"], "UTC");
        let change = Request::post("/v1/settings", json!({ "timeZone": "Europe/Berlin" }).to_string());
        let change = Request { method: "PATCH", ..change }.header("content-type", "application/json");
        assert_eq!(node.send(&with_key(change, &key)).status, 200);
        assert_eq!(installation.json(&["settings", "get"])[0]["timeZone"], "Europe/Berlin");

        let nobody = node.get("/v1/settings");
        assert_eq!((nobody.status, nobody.json()["code"].clone()), (401, json!("unauthenticated")));
        installation.json(&["keys", "revoke", "--api-key-id", &id]);
        assert_eq!(node.send(&with_key(Request::get("/v1/settings"), &key)).status, 401);
    });
}

#[test]
fn a_command_runs_at_a_server_elsewhere_with_the_rights_of_its_key() {
    both(|installation| {
        let (_, key) = acme(&installation, "viewer");
        let node = installation.start();
        let elsewhere = |key: &str| {
            let away = Installation::new(None).with("TRUNKLINE_URL", &format!("http://{}/", node.address));
            away.with("TRUNKLINE_API_KEY", key)
        };
        let away = elsewhere(&key);
        assert_eq!(away.json(&["settings", "get"]), [json!({ "timeZone": "UTC", "locale": "en", "weekStartsOn": 1 })]);
        let refused = away.run(&["settings", "update", "--locale", "de"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(7), ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("your role does not allow this"), "{}", refused.stderr);
        let unknown = elsewhere("sk_unknown").run(&["settings", "get"]);
        assert_eq!(unknown.code, Some(7), "{}", unknown.stderr);
    });
}

#[test]
fn what_a_flag_takes_is_said_and_what_it_does_not_take_is_refused() {
    both(|installation| {
        acme(&installation, "admin");
        let help = installation.run(&["settings", "update", "--help"]);
        assert!(
            help.stdout.contains("--time-zone <TEXT>") && help.stdout.contains("--week-starts-on <NUMBER>"),
            "{help:?}"
        );
        for (words, code, part) in [
            (&["settings", "update", "--week-starts-on", "monday"][..], 2, "--week-starts-on takes a number"),
            (&["settings", "update", "--week-starts-on", "9"][..], 2, "weekStartsOn is 1"),
            (&["keys", "revoke", "--api-key-id", "cus_1"][..], 2, "key_"),
            (&["settings", "get", "--organization", "nobody"][..], 3, "there is no organization nobody"),
        ] {
            let ran = installation.run(words);
            assert_eq!((ran.code, ran.stderr.contains(part)), (Some(code), true), "{words:?}: {}", ran.stderr);
        }
        let table = installation.run(&["keys", "list"]);
        assert!(table.stdout.starts_with("_id") && table.stdout.contains("CI"), "{}", table.stdout);
    });
}
