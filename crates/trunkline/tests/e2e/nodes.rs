//! Several nodes on one database.

use crate::{
    harness::{Node, eventually, postgres},
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
    positive("trunkline_webhooks_received_total") && positive("trunkline_jobs_ended_total")
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
