//! A database that goes away and comes back.

use crate::{
    harness::{Cluster, Installation, Node, eventually, pause},
    storm::{Storm, ready_for_storm},
    vendors::GENERIC,
};

const STORM: Storm = Storm { senders: 16, each: 60 };

#[test]
fn postgresql_crashes_under_load_and_all_recovers_by_itself() {
    let Some(cluster) = Cluster::start() else { return };
    let installation = ready_for_storm(Installation::new(Some(cluster.url())));
    let node = installation.start();
    let ledger = STORM.rage(&[node.address], |ledger| {
        ledger.wait_for(STORM.total() / 3);
        cluster.crash();
        says_that_it_cannot_serve(&node);
        pause(1000);
        cluster.go_on();
        eventually("the node recovers", || (node.get("/health/ready").status == 200).then_some(()));
    });
    ledger.check(&installation);
    assert_eq!(node.send(&GENERIC.event()).json()["status"], "accepted");
    assert!(node.stop().success());
}

fn says_that_it_cannot_serve(node: &Node) {
    let answer = eventually("the node is not ready", || {
        let answer = node.get("/health/ready");
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let answer = node.send(&GENERIC.event());
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok()), "{answer:?}");
    assert_eq!(answer.json()["code"], "unavailable");
    assert_eq!(node.get("/health/live").status, 200, "the process lives");
    assert_eq!(node.get("/metrics").status, 200, "and tells its numbers");
}

#[test]
fn a_node_that_starts_before_its_database_waits_for_it() {
    let Some(cluster) = Cluster::start() else { return };
    let installation = GENERIC.on(Installation::new(Some(cluster.url())));
    let address = installation.start().address;
    cluster.crash();
    let ran = installation.run(&["events", "list"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    let mut node = Node::start_unready(&installation, address);
    pause(1500);
    cluster.go_on();
    node.wait_until_ready();
    assert_eq!(node.send(&GENERIC.event()).json()["status"], "accepted");
    assert!(node.stop().success());
}
