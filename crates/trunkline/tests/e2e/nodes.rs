//! Several nodes on one database.

use crate::{
    harness::{Cluster, Installation, Node, eventually, pause, postgres},
    storm::{Storm, ready_for_storm},
};

const STORM: Storm = Storm { senders: 32, each: 60 };

#[test]
fn two_nodes_share_the_load_and_one_may_die() {
    postgres(|installation| {
        let installation = ready_for_storm(installation);
        let (stays, mut dies) = (installation.start(), installation.start());
        let ledger = STORM.rage(&[stays.address, dies.address], |ledger| {
            ledger.wait_for(STORM.total() / 3);
            eventually("both take in and handle events", || (works(&stays) && works(&dies)).then_some(()));
            dies.kill();
        });
        ledger.check(&installation);
        assert!(stays.stop().success());
    });
}

/// Whether a node has taken in events and brought some to their end.
fn works(node: &Node) -> bool {
    let metrics = node.get("/metrics").text();
    let positive = |series: &str| metrics.lines().any(|line| line.starts_with(series) && !line.ends_with(" 0"));
    positive("trunkline_webhooks_received_total") && positive("trunkline_events_total")
}

#[test]
fn what_one_node_took_in_before_it_died_the_other_handles() {
    postgres(|installation| {
        let installation = ready_for_storm(installation);
        let mut dies = installation.start();
        let ledger = Storm { senders: 8, each: 20 }.rage(&[dies.address], |_| {});
        dies.kill();
        let stays = installation.start();
        ledger.check(&installation);
        assert!(stays.stop().success());
    });
}

/// The lease where a test waits for several of them. Everything that is waited for is a multiple of it.
const LEASE_MS: u64 = 3000;

fn with_short_leases(installation: Installation) -> Installation {
    installation.with("TRUNKLINE_LEASE", "3s")
}

#[test]
fn a_node_that_stands_still_for_longer_than_its_lease_is_fenced_off_and_comes_back_under_another_number() {
    postgres(|installation| {
        let installation = ready_for_storm(with_short_leases(installation));
        let (stays, freezes) = (installation.start(), installation.start());
        let before = registered(&installation, 2);
        let ledger = STORM.rage(&[stays.address, freezes.address], |ledger| {
            ledger.wait_for(STORM.total() / 3);
            freezes.freeze();
            eventually("the other one takes it for dead", || (numbers(&installation).len() == 1).then_some(()));
            pause(LEASE_MS);
            freezes.go_on();
        });
        ledger.check(&installation);
        let after = registered(&installation, 2);
        assert!(after.iter().filter(|number| before.contains(number)).count() == 1, "{before:?}, {after:?}");
        assert!(freezes.metric("trunkline_node_fenced_total") >= 1.0);
        assert!(freezes.stop().success() && stays.stop().success());
        assert_eq!(numbers(&installation), [""; 0], "who ends signs off");
    });
}

#[test]
fn a_database_that_is_away_for_longer_than_a_lease_takes_nothing_from_any_node() {
    let Some(cluster) = Cluster::start() else { return };
    let installation = ready_for_storm(with_short_leases(Installation::new(Some(cluster.url()))));
    let nodes = [installation.start(), installation.start(), installation.start()];
    let before = registered(&installation, 3);
    let ledger = STORM.rage(&nodes.each_ref().map(|node| node.address), |ledger| {
        ledger.wait_for(STORM.total() / 3);
        cluster.crash();
        pause(2 * LEASE_MS);
        cluster.go_on();
        for node in &nodes {
            eventually("the node recovers", || (node.get("/health/ready").status == 200).then_some(()));
        }
    });
    ledger.check(&installation);
    // Long enough for whoever wanted to take something over.
    pause(2 * LEASE_MS);
    assert_eq!(numbers(&installation), before);
    for node in nodes {
        assert_eq!(node.metric("trunkline_reaped_entries_total"), 0.0);
        assert_eq!(node.metric("trunkline_node_fenced_total"), 0.0);
        assert!(node.stop().success());
    }
}

/// Waits until so many nodes are registered.
fn registered(installation: &Installation, count: usize) -> Vec<String> {
    eventually("the nodes are registered", || Some(numbers(installation)).filter(|numbers| numbers.len() == count))
}

/// The numbers of the nodes that are registered.
fn numbers(installation: &Installation) -> Vec<String> {
    installation.texts("select node::text from nodes order by node")
}

#[test]
fn doctor_lists_the_nodes_that_work() {
    postgres(|installation| {
        let nodes = || {
            let findings = installation.json(&["doctor"]);
            let finding = findings.into_iter().find(|finding| finding["check"] == "nodes");
            finding.expect("doctor looks for nodes")
        };
        let (one, other) = (installation.start(), installation.start());
        let finding = eventually("both are registered", || {
            Some(nodes()).filter(|found| found["detail"].as_str().is_some_and(|detail| detail.starts_with("2 at work")))
        });
        assert_eq!(finding["status"], "ok");
        assert!(one.stop().success() && other.stop().success());
        assert_eq!(nodes()["status"], "off");
    });
}
