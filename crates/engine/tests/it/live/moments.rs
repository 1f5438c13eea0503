//! All queries of a view are of one moment, and moments only go on.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use engine::QueryRequest;
use kernel::Clock;
use serde_json::{Value, json};
use testkit::{TestClock, both, hours, minutes, postgres};

use super::node::{Node, asked, next, nodes, patient, said, woken};

#[tokio::test]
async fn whoever_writes_sees_it_at_the_next_moment() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list"]);
        let mut last = view.advance(0).await.unwrap().ts;
        for n in 1..=50 {
            let ts = node.does(&ada, "items:add", n).await;
            let moment = view.advance(ts).await.unwrap();
            assert!(moment.ts >= ts && moment.ts > last);
            assert_eq!(said(&moment), HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
            last = moment.ts;
        }
        let later = view.advance(last + 1_000_000).await.unwrap();
        assert!(later.ts >= last + 1_000_000 && later.updates.is_empty());
    })
    .await;
}

/// Writers write to both tables in one transaction while views look; what a view shows of them is always the same.
async fn agree(writer: &Node, reader: &Node) {
    let ada = writer.somebody().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut watching = Vec::new();
    for turn in 0..4 {
        let names = if turn % 2 == 0 { ["items:list", "notes:list"] } else { ["notes:list", "items:list"] };
        let mut view = reader.view(&ada, &names[..1]);
        let is_over = is_over.clone();
        watching.push(async move {
            let (mut shown, mut ts, mut asks) = (HashMap::new(), 0, 0);
            while !is_over.load(Ordering::SeqCst) {
                let moment = view.advance(0).await.expect("the view moves on");
                assert!(moment.ts >= ts, "time goes back");
                ts = moment.ts;
                shown.extend(said(&moment));
                assert!(shown.len() == 1 || shown[&0] == shown[&1], "two queries at two moments: {shown:?}");
                // The other query comes new and goes, while the first one is known already.
                if shown.len() == 1 {
                    asks += 4;
                    view.add(1, asked(names[1], json!({ "turn": turn + asks })));
                } else if moment.updates.is_empty() {
                    view.remove(1);
                    shown.remove(&1);
                }
                tokio::task::yield_now().await;
            }
            // In the end nothing is missing.
            while shown[&0].as_array().map(Vec::len) != Some(120) {
                woken(&mut view).await;
                shown.extend(next(&mut view).await);
            }
        });
    }
    let writing = async {
        for first in 0..40 {
            let writes = (0..3).map(|writer_number| writer.does(&ada, "both:add", first * 3 + writer_number));
            futures_util::future::join_all(writes).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    futures_util::future::join(writing, futures_util::future::join_all(watching)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_of_a_view_are_of_one_moment() {
    both(|database| async move {
        let node = Node::new(&database).await;
        agree(&node, &node).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_of_a_view_are_of_one_moment_when_another_node_writes() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, patient()).await;
        agree(&one, &other).await;
    })
    .await;
}

/// Views with so many different queries that they take turns: each shows all of its own at one moment, and goes on to others
/// while the organization goes on writing.
#[tokio::test(flavor = "multi_thread")]
async fn all_queries_of_a_view_are_of_one_moment_when_there_are_too_many_to_run_at_once() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let (moments, written) = (Arc::new([const { AtomicUsize::new(0) }; 4]), Arc::new(OnceLock::new()));
        let views = (0..4_u32).map(|number| {
            let mut view = node.live.view(ada.clone());
            for query in 0..60 {
                let name = if query % 2 == 0 { "items:list" } else { "notes:list" };
                view.add(query, asked(name, json!({ "turn": number * 1000 + query })));
            }
            let (moments, written) = (moments.clone(), written.clone());
            async move {
                let mut shown = HashMap::new();
                let is_all = |shown: &HashMap<u32, Value>, written: &usize| {
                    shown.get(&0).and_then(Value::as_array).is_some_and(|list| list.len() == *written)
                };
                while !written.get().is_some_and(|written| is_all(&shown, written)) {
                    shown.extend(next(&mut view).await);
                    moments[usize::try_from(number).unwrap()].fetch_add(1, Ordering::SeqCst);
                    assert!(
                        shown.len() == 60 && shown.values().all(|list| *list == shown[&0]),
                        "two moments: {shown:?}"
                    );
                    tokio::task::yield_now().await;
                }
            }
        });
        let views: Vec<_> = views.collect();
        let writing = async {
            let mut n = 0;
            while moments.iter().any(|moments| moments.load(Ordering::SeqCst) < 4) {
                node.does(&ada, "both:add", n).await;
                n += 1;
            }
            written.set(usize::try_from(n).unwrap()).unwrap();
        };
        futures_util::future::join(writing, futures_util::future::join_all(views)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_shows_every_mutation_that_is_not_younger() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list"]);
        view.advance(0).await.unwrap();
        let writers = (0..4).map(|writer: i64| {
            let (operations, ada) = (node.operations.clone(), ada.clone());
            tokio::spawn(async move {
                let mut done = Vec::new();
                for n in writer * 100 + 1..=writer * 100 + 25 {
                    let add = operations.mutation(&ada, "items:add", &json!({ "n": n }), None).await;
                    done.push((add.expect("the mutation succeeds").ts, n));
                }
                done
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut moments = Vec::new();
        let mut list = json!([]);
        while list.as_array().unwrap().len() < 100 {
            woken(&mut view).await;
            let moment = view.advance(0).await.unwrap();
            list = said(&moment).remove(&0).unwrap_or(list);
            moments.push((moment.ts, list.clone()));
        }
        for writer in writers {
            for (ts, n) in writer.await.unwrap() {
                for (_, list) in moments.iter().filter(|(moment, _)| *moment >= ts) {
                    assert!(list.as_array().unwrap().contains(&json!(n)), "{n} is not at a moment after it");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn timestamps_do_not_go_back_when_the_clock_did_and_the_process_starts_again() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let before = node.view(&ada, &["items:list"]).advance(0).await.unwrap().ts;
        let clock = TestClock::at(node.clock.now());
        drop(node);
        clock.set(clock.now() - hours(5));
        let again = Node::with(&database.open().await, clock.clone(), patient()).await;
        let mut view = again.view(&ada, &["items:list"]);
        let mut after = view.advance(0).await.unwrap().ts;
        assert!(after > before);
        for _ in 0..5 {
            clock.advance(minutes(1));
            let later = view.advance(0).await.unwrap().ts;
            assert!(later > after);
            after = later;
        }
        clock.advance(hours(4) + minutes(54));
        assert!(view.advance(0).await.unwrap().ts > after);
        // A number from a future that cannot be does not take the clock with it.
        assert!(
            view.advance(u64::MAX).await.unwrap().ts
                < u64::try_from((clock.now() + hours(3)).ms()).unwrap() * 1_000_000
        );
    })
    .await;
}

#[tokio::test]
async fn pages_stay_without_gaps_while_rows_come_and_go() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        for n in [10, 20, 30, 40] {
            node.does(&ada, "items:add", n).await;
        }
        let page = |cursor: Option<&Value>| json!({ "paginationOpts": { "numItems": 2, "cursor": cursor } });
        let mut view = node.live.view(ada.clone());
        view.add(1, asked("items:page", page(None)));
        let first = view.advance(0).await.unwrap();
        let (cursor, journal) = (said(&first)[&1]["continueCursor"].clone(), first.updates[0].shown.journal.clone());
        view.add(2, asked("items:page", page(Some(&cursor))));
        next(&mut view).await;
        for n in [5, 15, 25, 45] {
            node.does(&ada, "items:add", n).await;
        }
        node.does(&ada, "items:drop", 20).await;
        let pages = next(&mut view).await;
        assert_eq!(pages[&1]["page"], json!([{ "n": 5 }, { "n": 10 }, { "n": 15 }]));
        assert_eq!(pages[&2]["page"], json!([{ "n": 25 }, { "n": 30 }, { "n": 40 }, { "n": 45 }]));

        // Who comes back with the journal sees the same part; who comes new, one of the size that they ask for.
        let mut again = node.live.view(ada.clone());
        again.add(1, QueryRequest { journal, ..asked("items:page", page(None)) });
        again.add(2, asked("items:page", page(None)));
        let pages = next(&mut again).await;
        assert_eq!(pages[&1]["page"], json!([{ "n": 5 }, { "n": 10 }, { "n": 15 }]));
        assert_eq!(pages[&2]["page"], json!([{ "n": 5 }, { "n": 10 }]));
    })
    .await;
}
