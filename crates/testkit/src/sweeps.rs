//! What sweeps promise: that a pass costs what it deletes.

use engine::Sweep;

use crate::TestDb;

/// Fails when the statement by which a sweep finds old rows reads others too: when it does not walk along an index that begins
/// with the age, in the order of the age.
///
/// # Panics
/// With the name of the sweep and the database's plan.
pub async fn assert_sweeps_read_what_they_delete(database: &TestDb, sweeps: &[Sweep]) {
    let mut hand = database.by_hand().await;
    for sweep in sweeps {
        let Some(finds) = sweep.finds() else { continue };
        let plan = hand.plan(&finds.replace("$1", "1").replace("$2", "500")).await;
        let searches = plan.iter().any(|line| line.starts_with("SEARCH") || line.contains("Index Cond: "));
        let reads_all = ["Seq Scan", "Sort", "TEMP B-TREE", "SCAN"];
        let reads_all = plan.iter().any(|line| reads_all.iter().any(|word| line.contains(word)));
        assert!(searches && !reads_all, "{} reads more than it deletes: {plan:#?}", sweep.name);
    }
}
