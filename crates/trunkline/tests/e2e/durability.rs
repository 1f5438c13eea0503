//! Acknowledged events are kept and handled once, however often the process is killed.

use crate::{
    harness::{Installation, number, pause, postgres, sqlite},
    storm::{Storm, ready_for_storm},
};

const KILLS: usize = 10;
const STORM: Storm = Storm { senders: 64, each: 50 };

/// Kills and restarts the node at random moments of the storm.
fn survives_being_killed(installation: Installation) {
    let installation = ready_for_storm(installation);
    let mut node = installation.start();
    let address = node.address;
    let share = STORM.total() / (KILLS + 1);
    let ledger = STORM.rage(&[address], |ledger| {
        for kill in 1..=KILLS {
            ledger.wait_for(share * kill);
            pause(number(40));
            node.kill();
            node.start_again(&installation);
        }
    });
    ledger.check(&installation);
    assert!(node.stop().success());
}

#[test]
fn on_sqlite_64_connections_and_10_kills_lose_nothing_and_double_nothing() {
    sqlite(survives_being_killed);
}

#[test]
fn on_postgresql_64_connections_and_10_kills_lose_nothing_and_double_nothing() {
    postgres(survives_being_killed);
}
