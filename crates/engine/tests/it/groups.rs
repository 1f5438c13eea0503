//! Events of one organization share a transaction, and none of them notices the others.

use testkit::{App, TestDb, both, minutes, postgres};

use crate::shop::{How, effects, heal, order, shop, sorted_effects};

/// A shop whose account `acc` belongs to an organization, so that its events may share a transaction.
async fn shop_with_account(database: &TestDb) -> App {
    let app = shop(database).await;
    let ours = app.organization();
    assert!(app.add_route("shop:acc", &ours).await);
    app
}

#[tokio::test]
async fn a_hundred_events_of_one_organization_take_a_few_transactions() {
    postgres(|database| async move {
        let app = shop_with_account(&database).await;
        let events = (0..100).map(|n| order(&format!("{n:02}"), How::Well).about(Some("acc")));
        app.deliver_all("shop", events.collect()).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 100);
        let transactions = database.number("select count(distinct xmin::text) as n from effects").await;
        assert!(transactions <= 25, "{transactions} transactions");
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_is_undone_alone_and_holds_back_only_its_lane() {
    both(|database| async move {
        let app = shop_with_account(&database).await;
        let of = |name: &str, how, lane| order(name, how).about(Some("acc")).in_lane(Some(lane));
        let events = vec![
            of("a1", How::Well, "a"),
            of("b1", How::Fails, "b"),
            of("c1", How::Panics, "c"),
            of("b2", How::Well, "b"),
            of("d1", How::Broken, "d"),
            of("a2", How::Well, "a"),
            of("c2", How::Well, "c"),
            of("d2", How::Well, "d"),
        ];
        app.deliver_all("shop", events).await.unwrap();
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["a1", "a2", "c2", "d2"]);
        assert_eq!((app.count("processed").await, app.count("dead").await, app.count("pending").await), (4, 2, 2));
        heal(&database).await;
        app.clock.advance(minutes(1));
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["a1", "a2", "b1", "b2", "c2", "d2", "healed"]);
    })
    .await;
}

#[tokio::test]
async fn one_that_takes_long_is_run_by_itself_and_so_are_the_others() {
    both(|database| async move {
        let app = shop_with_account(&database).await;
        let mut events: Vec<_> = (0..20).map(|n| order(&format!("{n:02}"), How::Well).about(Some("acc"))).collect();
        let slow = format!("slow in a group on {:?}", database.engine());
        events.insert(7, order(&slow, How::WaitsOnce).about(Some("acc")));
        app.deliver_all("shop", events).await.unwrap();
        // Nobody opens its gate: the group gives it up.
        app.run_jobs().await;
        assert_eq!((effects(&database).await.len(), app.count("processed").await), (21, 21));
    })
    .await;
}

#[tokio::test]
async fn lanes_keep_their_order_within_and_between_transactions() {
    both(|database| async move {
        let app = shop_with_account(&database).await;
        let name = |n: usize| format!("{}{n:03}", ["a", "b", "c"][n % 3]);
        let events =
            (0..150).map(|n| order(&name(n), How::Well).about(Some("acc")).in_lane(Some(["a", "b", "c"][n % 3])));
        app.deliver_all("shop", events.collect()).await.unwrap();
        app.run_jobs().await;
        let effects = effects(&database).await;
        for lane in ["a", "b", "c"] {
            let of_lane: Vec<_> = effects.iter().filter(|name| name.starts_with(lane)).collect();
            assert!(of_lane.len() == 50 && of_lane.is_sorted(), "{of_lane:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_that_says_nothing_new_is_ignored_among_others_that_do() {
    both(|database| async move {
        let app = shop_with_account(&database).await;
        let mut nothing = order("2", How::Well).about(Some("acc"));
        nothing.kind = "nothing_new".to_owned();
        let events = vec![order("1", How::Well).about(Some("acc")), nothing, order("3", How::Well).about(Some("acc"))];
        app.deliver_all("shop", events).await.unwrap();
        app.run_jobs().await;
        assert_eq!((app.count("processed").await, app.count("ignored").await), (2, 1));
    })
    .await;
}
