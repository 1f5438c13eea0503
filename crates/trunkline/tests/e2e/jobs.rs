//! `trunkline jobs`: lists, retries and cancels background jobs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Installation, Node, Request, both, eventually};

const SECRET: &str = "correct-horse-battery";

/// Creates an installation whose crons can be called.
fn with_crons(installation: Installation) -> Installation {
    installation.with("CRON_SECRET", SECRET)
}

fn fire(node: &Node, cron: &str) {
    let request = Request::post(format!("/api/cron/{cron}"), "").header("authorization", format!("Bearer {SECRET}"));
    assert_eq!(node.send(&request).status, 200, "{cron}");
}

fn jobs(installation: &Installation, words: &[&str]) -> Vec<Value> {
    installation.json(&[&["jobs", "list"], words].concat())
}

/// Returns the only job, once it has this status.
fn the_job(installation: &Installation, status: &str) -> Value {
    eventually("the job is there", || {
        let mut jobs = jobs(installation, &["--status", status]);
        assert!(jobs.len() < 2, "{jobs:?}");
        jobs.pop()
    })
}

#[test]
fn jobs_are_listed_by_name_by_status_and_not_all() {
    both(|installation| {
        let installation = with_crons(installation);
        let node = installation.start();
        // Twice in one second is once.
        eventually("two ran", || {
            fire(&node, "inbox-retention");
            (jobs(&installation, &["--status", "processed"]).len() >= 2).then_some(())
        });
        for job in jobs(&installation, &[]) {
            let members: BTreeSet<_> = job.as_object().expect("an object").keys().map(String::as_str).collect();
            let promised = ["id", "kind", "status", "attempts", "createdAt", "finishedAt"];
            assert_eq!(members, BTreeSet::from(promised), "{job}");
            assert!(job["id"].as_str().unwrap().starts_with("job_") && job["finishedAt"].is_i64(), "{job}");
        }
        assert_eq!(jobs(&installation, &["--kind", "retain_inbox"])[0]["kind"], "retain_inbox");
        assert_eq!(jobs(&installation, &["--kind", "another"]).len(), 0);
        let [newest, all] = [&["--limit", "1"][..], &[]].map(|words| jobs(&installation, words));
        assert_eq!(newest.len(), 1);
        assert!(newest[0]["createdAt"].as_i64() >= all.last().unwrap()["createdAt"].as_i64(), "newest first");
        assert_eq!(jobs(&installation, &["--status", "dead"]).len(), 0);
        let wrong = installation.run(&["jobs", "list", "--status", "lost"]);
        assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    });
}

#[test]
fn a_job_that_keeps_failing_is_cancelled_and_put_back_once_its_cause_is_mended() {
    both(|installation| {
        let installation = with_crons(installation);
        let node = installation.start();
        // Without its table the clean-up fails in a retryable way.
        installation.texts("alter table cursors rename to cursors_away");
        fire(&node, "inbox-retention");
        let failing = eventually("it is tried again", || {
            Some(the_job(&installation, "pending")).filter(|job| job["attempts"].as_i64() > Some(0))
        });
        assert!(failing["error"].as_str().unwrap().contains("cursors") && failing["nextAt"].is_i64(), "{failing}");
        let id = failing["id"].as_str().unwrap();
        let too_early = installation.run(&["jobs", "retry", id]);
        assert_eq!(too_early.code, Some(4), "{}", too_early.stderr);

        let cancelled = installation.json(&["jobs", "cancel", id]).remove(0);
        assert_eq!((&cancelled["status"], &cancelled["id"]), (&"cancelled".into(), &failing["id"]));
        assert_eq!(the_job(&installation, "cancelled")["id"], failing["id"]);
        assert_eq!(installation.run(&["jobs", "cancel", id]).code, Some(4), "it has ended");

        installation.texts("alter table cursors_away rename to cursors");
        assert_eq!(installation.json(&["jobs", "retry", id])[0]["status"], "retried");
        assert_eq!(the_job(&installation, "processed")["id"], failing["id"]);
        assert_eq!(installation.run(&["jobs", "retry", id]).code, Some(4), "it is done");
    });
}

#[test]
fn a_job_that_is_not_there_is_neither_put_back_nor_cancelled() {
    both(|installation| {
        for word in ["retry", "cancel"] {
            let unknown = installation.run(&["jobs", word, "job_0000000000g00"]);
            assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
            assert_eq!(installation.run(&["jobs", word, "nonsense"]).code, Some(2));
        }
    });
}
