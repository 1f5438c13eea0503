//! The other surfaces: health, metrics, crons, and the format of errors.

use serde_json::json;

use crate::{
    harness::{Answer, Node, Request, both, eventually, sqlite},
    vendors::{GENERIC, STRIPE, WHATSAPP},
};

#[test]
fn health_says_that_the_process_lives_and_whether_it_can_serve() {
    both(|installation| {
        let node = installation.start();
        assert_eq!(node.get("/health/live").json(), json!({ "status": "live" }));
        let ready = node.get("/health/ready").json();
        assert_eq!(ready["status"], "ready");
        assert!(["SQLite", "PostgreSQL"].iter().any(|name| ready["database"] == *name), "{ready}");
        assert_eq!(ready["queue"], json!({ "pending": 0, "oldestMs": 0 }));
    });
}

/// An event that can never be handled.
const BROKEN: &str = r#"{"id":"evt_broken","type":"customer.subscription.updated","data":{"object":{}}}"#;

#[test]
fn metrics_tell_of_requests_events_batches_queues_retries_and_dead_letters() {
    both(|installation| {
        let node = STRIPE.on(GENERIC.on(installation)).with("CRON_SECRET", SCHEDULER).start();
        node.send(&GENERIC.event());
        node.send(&STRIPE.send(BROKEN));
        assert_eq!(fire(&node).status, 200);
        let promised = [
            "trunkline_http_requests_total{",
            "trunkline_http_request_seconds",
            "trunkline_webhooks_received_total{provider=\"generic\"}",
            "trunkline_inbox_rows_per_commit",
            "trunkline_jobs_ended_total{status=\"processed\"}",
            "trunkline_jobs_failed_total{kind=\"event\",outcome=\"dead\"}",
        ];
        let metrics = eventually("every series has a value", || {
            let answer = node.get("/metrics");
            assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
            promised.iter().all(|series| answer.text().contains(series)).then(|| answer.text())
        });
        assert!(!metrics.contains("stripe.com") && !metrics.contains("whsec"), "{metrics}");
    });
}

#[test]
fn every_metric_that_the_documentation_names_is_shown() {
    both(|installation| {
        let node = STRIPE.on(WHATSAPP.on(GENERIC.on(installation))).with("CRON_SECRET", SCHEDULER).start();
        assert_eq!(fire(&node).status, 200);
        for request in [STRIPE.send(BROKEN), WHATSAPP.event(), GENERIC.event()] {
            assert_eq!(node.send(&request).status, 200);
        }
        assert_eq!(node.send(&Request::post("/webhooks/generic", "{}")).status, 401);
        let documented = documented();
        assert!(documented.len() > 10, "{documented:?}");
        for (name, labels) in documented {
            let shown = || is_shown(&node.get("/metrics").text(), name, &labels).then_some(());
            eventually(&format!("{name} with {labels:?} is shown"), shown);
        }
    });
}

/// Returns whether there is a series of this name, or of a part of a histogram of this name, with these labels.
fn is_shown(metrics: &str, name: &str, labels: &[&str]) -> bool {
    let mut series =
        metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ', '_'])));
    series.any(|line| labels.iter().all(|label| line.contains(&format!("{label}=\""))))
}

/// Returns the names and labels in the table of the documentation. The depth of the queue is shown while it is not
/// empty, and has its own test.
fn documented() -> Vec<(&'static str, Vec<&'static str>)> {
    let page = include_str!("../../../../docs/operating.md");
    let (_, table) = page.split_once("| metric | meaning |\n").expect("a table of metrics");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('`'))
        .filter(|word| word.starts_with("trunkline_") && !word.starts_with("trunkline_queue_"))
        .map(|word| word.trim_end_matches('}').split_once('{').unwrap_or((word, "")))
        .map(|(name, labels)| (name, labels.split(',').filter(|label| !label.is_empty()).collect()))
        .collect()
}

#[test]
fn the_depth_and_age_of_a_queue_are_shown_by_kind() {
    // An event that fails in a retryable way stays in the queue: its table is renamed for a while.
    sqlite(|installation| {
        let installation = WHATSAPP.on(installation).with("CRON_SECRET", "a secret of the scheduler");
        let node = installation.start();
        installation.texts("alter table routes rename to routes_away");
        node.send(&WHATSAPP.event());
        eventually("the queue is shown", || {
            let metrics = node.get("/metrics").text();
            let shown = |series: &str| metrics.lines().any(|line| line.starts_with(series) && !line.ends_with(" 0"));
            (shown("trunkline_queue_depth{kind=\"event\"") && shown("trunkline_queue_age_seconds{kind=\"event\""))
                .then_some(())
        });
        let retried = "trunkline_jobs_failed_total{kind=\"event\",outcome=\"retry\"}";
        eventually("a retry is counted", || node.get("/metrics").text().contains(retried).then_some(()));
        assert!(node.get("/health/ready").json()["queue"]["pending"].as_u64() > Some(0));
        installation.texts("alter table routes_away rename to routes");
        eventually("what waited is handled", || installation.events_that_are("pending").is_empty().then_some(()));
        let event = &installation.events()[0];
        assert_eq!(event["status"], "unresolved", "{event}");
        assert!(event["attempts"].as_u64() > Some(1), "{event}");
    });
}

const CRON: &str = "/api/cron/inbox-retention";
const SCHEDULER: &str = "correct-horse-battery";

/// Fires a cron: its job ends soon.
fn fire(node: &Node) -> Answer {
    node.send(&Request::get(CRON).header("authorization", format!("Bearer {SCHEDULER}")))
}

#[test]
fn without_a_secret_no_scheduler_is_let_in() {
    sqlite(|installation| {
        let node = installation.start();
        let answer = node.get(CRON);
        assert_eq!(answer.status, 503);
        assert!(answer.json()["detail"].as_str().unwrap().contains("CRON_SECRET"), "{}", answer.text());
    });
}

#[test]
fn a_scheduler_with_the_secret_fires_a_cron_and_another_does_not() {
    both(|installation| {
        let installation = installation.with("CRON_SECRET", SCHEDULER);
        let node = installation.start();
        let fire =
            |path: &str, authorization: &str| node.send(&Request::get(path).header("authorization", authorization));
        assert_eq!(node.get(CRON).status, 401);
        for wrong in
            ["Bearer wrong", "Bearer correct-horse-batter", "correct-horse-battery", "Basic correct-horse-battery"]
        {
            assert_eq!(fire(CRON, wrong).status, 401, "{wrong}");
        }
        assert_eq!(installation.json(&["jobs", "list"]).len(), 0);
        let right = "Bearer correct-horse-battery";
        assert_eq!(fire("/api/cron/no-such", right).status, 404);
        assert_eq!(fire(CRON, right).json(), json!({ "status": "accepted", "cron": "inbox-retention" }));
        let post = Request::post(CRON, "").header("authorization", right);
        assert_eq!(node.send(&post).status, 200);
        let jobs = eventually("the job ran", || {
            let jobs = installation.json(&["jobs", "list"]);
            jobs.iter().all(|job| job["status"] == "processed").then_some(jobs)
        });
        assert!((1..=2).contains(&jobs.len()), "twice in the same second is once: {jobs:?}");
        assert_eq!(jobs[0]["kind"], "retain_inbox");
    });
}

#[test]
fn every_error_is_a_problem_with_the_id_of_its_request() {
    sqlite(|installation| {
        let node = GENERIC.on(installation).start();
        for (request, status, tag) in [
            (Request::get("/nowhere"), 404, "path_unknown"),
            (Request::post("/webhooks/nobody", "{}"), 404, "provider_unknown"),
            (Request::get("/webhooks/nobody"), 404, "provider_unknown"),
            (Request { method: "DELETE", ..Request::get("/webhooks/generic") }, 405, "method_not_allowed"),
            (Request { method: "PUT", ..Request::get("/health/live") }, 405, "method_not_allowed"),
            (Request::post("/webhooks/generic", "{}"), 401, "signature_missing"),
            (Request::post("/webhooks/stripe", "{}"), 503, "webhooks_off"),
            (Request::get("/webhooks/generic"), 501, "unsupported"),
            (Request::post(format!("/webhooks/generic/{}", "c".repeat(65)), "{}"), 404, "connection_unknown"),
        ] {
            is_problem(&node, request, status, tag);
        }
    });
}

fn is_problem(node: &Node, request: Request, status: u16, tag: &str) {
    let what = format!("{} {}", request.method, request.path);
    let answer = node.send(&request.header("x-request-id", "brought-1"));
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(answer.header("x-request-id"), Some("brought-1"), "{what}");
    let problem = answer.json();
    assert_eq!((&problem["tag"], &problem["requestId"]), (&json!(tag), &json!("brought-1")), "{what}");
    assert_eq!(problem["status"], status, "{what}");
    for member in ["type", "title", "code", "detail"] {
        assert!(problem[member].is_string(), "{what}: {problem}");
    }
}

#[test]
fn a_vendor_that_is_not_configured_says_which_setting_is_missing() {
    sqlite(|installation| {
        let node = installation.start();
        for vendor in crate::vendors::ALL {
            let answer = node.send(&vendor.event());
            assert_eq!(answer.status, 503, "{}", vendor.id);
            let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
            for (variable, _) in vendor.variables {
                assert!(detail.contains(variable), "{}: {detail}", vendor.id);
            }
            assert_eq!(answer.header("retry-after"), None, "coming back would not help");
        }
    });
}
