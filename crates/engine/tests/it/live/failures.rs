//! What fails or is slow stays alone.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine::LiveOptions;
use serde_json::json;
use testkit::{TestClock, TestDb, both, postgres};

use super::{
    node::{Node, asked, next, said, woken},
    product::{open, runs, tries},
};

#[tokio::test]
async fn a_query_that_fails_fails_alone_and_heals() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:shares", "items:list", "items:secrets", "nothing:here", "notes:list"]);
        let first = next(&mut view).await;
        assert_eq!((&first[&0], &first[&1], &first[&4]), (&json!([]), &json!([]), &json!([])));
        assert_eq!((&first[&2], &first[&3]), (&json!("role_insufficient"), &json!("operation_unknown")));
        node.does(&ada, "items:add", 0).await;
        let broken = next(&mut view).await;
        assert!(broken[&0].is_string(), "{broken:?}");
        assert_eq!((&broken[&1], broken.len()), (&json!([0]), 2));
        // It still fails, in the same way: nobody has to be told.
        node.does(&ada, "items:add", 4).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!([0, 4]))]));
        node.does(&ada, "items:drop", 0).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([25])), (1, json!([4]))]));
    })
    .await;
}

/// Long enough for whatever is quick, on a busy machine too.
const LIMIT: Duration = Duration::from_millis(1500);

async fn patient(database: &TestDb, query_limit: Duration) -> Node {
    Node::with(&database.db, TestClock::new(), LiveOptions { query_limit, ..LiveOptions::default() }).await
}

#[tokio::test]
async fn a_query_that_takes_a_while_holds_up_no_other_organization() {
    both(|database| async move {
        let node = patient(&database, Duration::from_secs(600)).await;
        let (ada, eve) = (node.somebody().await, node.somebody().await);
        let mut slow = node.view(&ada, &["items:slow", "items:list"]);
        let mut quick = node.view(&eve, &["items:list"]);
        next(&mut quick).await;
        // Whoever waits may leave and come again.
        assert!(tokio::time::timeout(Duration::from_millis(100), slow.advance(0)).await.is_err());
        for n in 1..=3 {
            node.does(&eve, "items:add", n).await;
            woken(&mut quick).await;
            assert_eq!(next(&mut quick).await, HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
        }
        node.does(&ada, "items:add", 1).await;
        open(&ada, 2);
        assert_eq!(next(&mut slow).await, HashMap::from([(0, json!([1])), (1, json!([1]))]));
    })
    .await;
}

#[tokio::test]
async fn a_query_over_its_limit_is_told_to_its_watcher_and_the_others_go_on_without_it() {
    both(|database| async move {
        let node = patient(&database, LIMIT).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:slow", "items:list"]);
        let first = next(&mut view).await;
        assert_eq!(first, HashMap::from([(0, json!("query_too_slow")), (1, json!([]))]));
        let before = tries(&ada);
        let all: Vec<_> = (1..=20).collect();
        for n in &all {
            let ts = node.does(&ada, "items:add", *n).await;
            let moment = view.advance(ts).await.unwrap();
            assert_eq!(said(&moment)[&1].as_array().map(Vec::len), usize::try_from(*n).ok());
        }
        assert!(tries(&ada) < before + 10, "what is too slow is not run with the others");
        // It is tried beside them, and comes back when it is quick enough.
        open(&ada, 1000);
        let mut answers = HashMap::new();
        while answers.get(&0) != Some(&json!(all)) {
            woken(&mut view).await;
            answers.extend(next(&mut view).await);
        }
        let ts = node.does(&ada, "items:add", 21).await;
        assert_eq!(said(&view.advance(ts).await.unwrap())[&0].as_array().map(Vec::len), Some(21));
    })
    .await;
}

#[tokio::test]
async fn eight_queries_over_their_limit_hold_up_no_node() {
    both(|database| async move {
        let node = patient(&database, LIMIT).await;
        let mut slow = Vec::new();
        for _ in 0..8 {
            let mut view = node.view(&node.somebody().await, &["items:slow"]);
            slow.push(tokio::spawn(async move {
                assert_eq!(next(&mut view).await, HashMap::from([(0, json!("query_too_slow"))]));
                view
            }));
        }
        let mut views = Vec::new();
        for slow in slow {
            views.push(slow.await.unwrap());
        }
        let eve = node.somebody().await;
        let mut quick = node.view(&eve, &["items:list"]);
        next(&mut quick).await;
        for n in 1..=20 {
            let ts = node.does(&eve, "items:add", n).await;
            assert_eq!(said(&quick.advance(ts).await.unwrap()).len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_does_not_end_holds_up_no_query() {
    postgres(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list", "notes:list"]);
        next(&mut view).await;
        // The commit of the mutation waits for this one.
        let mut hand = database.by_hand().await;
        hand.run("begin; lock table changes in share mode").await;
        let (operations, who) = (node.operations.clone(), ada.clone());
        let stuck = tokio::spawn(async move { operations.mutation(&who, "items:add", &json!({ "n": 1 }), None).await });
        let waits = "select count(*) as n from pg_locks where not granted and relation = 'changes'::regclass";
        while database.number(waits).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..3 {
            assert_eq!(node.operations.query(&ada, "items:list", json!({})).await.unwrap(), json!([]));
        }
        let mut other = node.view(&ada, &["weather:sky"]);
        assert_eq!(next(&mut other).await, HashMap::from([(0, json!([]))]));
        hand.run("commit").await;
        let ts = stuck.await.unwrap().unwrap().ts;
        assert_eq!(said(&view.advance(ts).await.unwrap()), HashMap::from([(0, json!([1]))]));
    })
    .await;
}

/// Organizations with hundreds of different queries that write all the time: what matters is how many of theirs run until an
/// uninvolved organization sees its own write, not how long that takes on this machine.
#[tokio::test(flavor = "multi_thread")]
async fn organizations_with_many_queries_take_turns_with_those_that_have_few() {
    const VIEWS: u32 = 4;
    const QUERIES: u32 = 150;
    both(|database| async move {
        let node = Arc::new(patient(&database, Duration::from_secs(600)).await);
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut flooding, mut organizations) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let ada = node.somebody().await;
            organizations.push(ada.organization.clone());
            for number in 0..VIEWS {
                let mut view = node.live.view(ada.clone());
                for query in 0..QUERIES {
                    view.add(query, asked("items:list", json!({ "turn": number * 1000 + query })));
                }
                let (node, ada, is_over) = (node.clone(), ada.clone(), is_over.clone());
                flooding.push(tokio::spawn(async move {
                    let mut n = i64::from(number) * 1_000_000;
                    while !is_over.load(Ordering::SeqCst) {
                        n += 1;
                        node.does(&ada, "items:add", n).await;
                        next(&mut view).await;
                    }
                }));
            }
        }
        let theirs = || organizations.iter().map(|organization| runs(organization.as_ref())).sum::<usize>();
        while theirs() < 1000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let eve = node.somebody().await;
        let mut view = node.view(&eve, &["items:list"]);
        next(&mut view).await;
        let mut between = Vec::new();
        for n in 1..=20 {
            let before = theirs();
            let ts = node.does(&eve, "items:add", n).await;
            assert_eq!(said(&view.advance(ts).await.unwrap()).len(), 1);
            between.push(theirs() - before);
        }
        is_over.store(true, Ordering::SeqCst);
        for flood in flooding {
            flood.await.unwrap();
        }
        between.sort_unstable();
        // Without turns it is all of theirs: 1,800.
        let all = usize::try_from(3 * VIEWS * QUERIES).unwrap();
        assert!(between[10] < all / 4, "{between:?}");
    })
    .await;
}
