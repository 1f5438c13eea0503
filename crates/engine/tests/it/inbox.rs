//! The inbox: what was accepted is kept, once, and whoever sends something impossible hurts nobody else.

use engine::{EventId, Inbox, InboxOptions, Intake, Relevance};
use futures_util::future::join_all;
use kernel::Time;
use provider::Received;
use store::{Engine, MigrationSet};
use testkit::{TestDb, both, minutes};

use crate::shop::{How, effects, order, shop, sorted_effects};

#[tokio::test]
async fn an_event_is_accepted_once_and_recognised_afterwards() {
    both(|database| async move {
        let app = shop(&database).await;
        let first = app.deliver("shop", order("1", How::Well)).await.unwrap();
        let again = app.deliver("shop", order("1", How::Well)).await.unwrap();
        assert!(first.fresh && !again.fresh);
        assert_eq!(first.id.to_string(), again.id.to_string());

        app.run_jobs().await;
        let late = app.deliver("shop", order("1", How::Well)).await.unwrap();
        assert!(!late.fresh);
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1"]);
        assert_eq!(app.event(&first.id).await.status, "processed");
    })
    .await;
}

#[tokio::test]
async fn the_same_id_of_another_vendor_or_connection_is_another_event() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("1", How::Well)).await.unwrap();
        assert!(app.deliver("mail", order("1", How::Well)).await.unwrap().fresh);
        let mut elsewhere = app.delivery("shop", vec![order("1", How::Well)]);
        elsewhere.connection = "con_1".to_owned();
        assert!(app.inbox.accept(elsewhere).await.unwrap()[0].fresh);
        assert_eq!(app.events().await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_comes_many_times_at_once_is_new_exactly_once() {
    both(|database| async move {
        let app = shop(&database).await;
        let all = join_all((0..60).map(|turn| app.deliver("shop", order(&format!("{}", turn % 3), How::Well)))).await;
        let all: Vec<_> = all.into_iter().map(|answer| answer.unwrap()).collect();
        assert_eq!(all.iter().filter(|answer| answer.fresh).count(), 3);
        for turn in 0..60 {
            assert_eq!(all[turn].id.to_string(), all[turn % 3].id.to_string());
        }
        let twice = app.deliver_all("shop", vec![order("x", How::Well), order("x", How::Well)]).await.unwrap();
        assert_eq!(twice.iter().filter(|answer| answer.fresh).count(), 1);
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["0", "1", "2", "x"]);
    })
    .await;
}

#[tokio::test]
async fn everything_about_an_event_is_kept() {
    both(|database| async move {
        let app = shop(&database).await;
        let mut event = testkit::event("1", "order.paid", vec![0, 159, 146, 150, 255]).about(Some("acc"));
        event.occurred_at = Some(app.world.now() - minutes(3));
        let mut delivery = app.delivery("shop", vec![event, testkit::event("2", "empty", "")]);
        delivery.headers = vec![("user-agent".to_owned(), "shop/1 \"quoted\"".to_owned())];
        let accepted = app.inbox.accept(delivery).await.unwrap();

        let (row, body) = engine::event(&database.db, &accepted[0].id).await.unwrap();
        assert_eq!(body, [0, 159, 146, 150, 255]);
        assert_eq!((row.external_id.as_str(), row.kind.as_str(), row.status.as_str()), ("1", "order.paid", "pending"));
        assert_eq!((row.received_at, row.connection), (app.world.now(), None));
        let (_, empty) = engine::event(&database.db, &accepted[1].id).await.unwrap();
        assert!(empty.is_empty());
        assert_eq!(database.number("select count(*) as n from inbox_events where body is null").await, 0);
        assert_eq!(
            database.texts("select headers as t from inbox_events where external_id = '1'").await,
            [r#"{"user-agent":"shop/1 \"quoted\""}"#]
        );
        let occurred = "select occurred_ms as n from inbox_events where external_id = '1'";
        assert_eq!(database.number(occurred).await, app.world.now().ms() - 180_000);
    })
    .await;
}

/// Makes the database refuse the event with the id `guilty`.
async fn refuse_the_guilty(database: &TestDb) {
    let sql = match database.engine() {
        Engine::Sqlite => {
            "create trigger innocent before insert on inbox_events when new.external_id = 'guilty'
             begin select raise(abort, 'guilty'); end"
        }
        Engine::Postgres => "alter table inbox_events add constraint innocent check (external_id <> 'guilty')",
    };
    database.by_hand().await.run(sql).await;
}

#[tokio::test]
async fn one_row_that_the_database_refuses_is_refused_alone() {
    both(|database| async move {
        let app = shop(&database).await;
        refuse_the_guilty(&database).await;
        let id = |turn: i32| if turn == 17 { "guilty".to_owned() } else { format!("{turn:02}") };
        let answers = join_all((0..30).map(|turn| app.deliver("shop", order(&id(turn), How::Well)))).await;
        for (turn, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_err(), turn == 17, "{turn}");
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await.len(), 29);
    })
    .await;
}

#[tokio::test]
async fn the_innocent_events_of_a_request_are_kept_beside_the_guilty_one() {
    both(|database| async move {
        let app = shop(&database).await;
        refuse_the_guilty(&database).await;
        let request = ["1", "guilty", "2"].map(|id| order(id, How::Well)).to_vec();
        assert!(app.deliver_all("shop", request).await.is_err());
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn texts_of_vendors_that_a_database_cannot_store_are_stored_without_what_it_cannot() {
    both(|database| async move {
        let app = shop(&database).await;
        let mut event = order("id", How::Well);
        event.external_id = "id\0".to_owned();
        event.kind = "Wel\u{1b}l".to_owned();
        event.lane = Some("lane\0".to_owned());
        let mut other = event.clone();
        other.external_id = "id\u{1}".to_owned();
        let mut defect = Received::malformed(&"{".into(), "broken");
        defect.defect = Some("unexpected \0 in\nline 1".to_owned());
        let mut delivery = app.delivery("shop", vec![event, other, defect]);
        delivery.connection = "con\0".to_owned();
        let first = app.inbox.accept(delivery.clone()).await.unwrap();
        assert!(first.iter().all(|event| event.fresh));
        // They are recognised, and two ids that are stored alike are two.
        let again = app.inbox.accept(delivery).await.unwrap();
        assert!(again.iter().all(|event| !event.fresh));
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["id\u{fffd}", "id\u{fffd}"]);
        let stored = app.event(&first[0].id).await;
        assert_eq!((stored.kind.as_str(), stored.connection.as_deref()), ("Wel\u{fffd}l", Some("con\u{fffd}")));
        let defect = app.event(&first[2].id).await;
        assert_eq!(defect.error.as_deref(), Some("unexpected \u{fffd} in line 1"));
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_hash_belongs_to_another_one_is_kept_all_the_same() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("second", How::Well)).await.unwrap();
        // The hash of `second` becomes the hash of a stranger.
        database.execute("update inbox_events set external_id = 'first'").await;
        let second = app.deliver("shop", order("second", How::Well)).await.unwrap();
        assert!(second.fresh);
        let again = app.deliver("shop", order("second", How::Well)).await.unwrap();
        assert!(!again.fresh && again.id.to_string() == second.id.to_string());
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["first", "second"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_recognised_however_long_ago_it_came_and_over_restarts() {
    both(|database| async move {
        let app = shop(&database).await;
        let few = InboxOptions { recent: 40, ..InboxOptions::default() };
        let mut first = Vec::new();
        for life in 0..4 {
            let inbox = Inbox::start(&database.db, &app.world, few);
            for turn in 0..50 {
                let turn = life * 50 + turn;
                let events = vec![order(&format!("{turn}"), How::Well), order(&format!("{turn}b"), How::Well)];
                first.extend(inbox.accept(app.delivery("shop", events)).await.unwrap());
            }
            for (turn, kept) in first.iter().enumerate() {
                let id = if turn % 2 == 0 { format!("{}", turn / 2) } else { format!("{}b", turn / 2) };
                let again = inbox.accept(app.delivery("shop", vec![order(&id, How::Well)])).await.unwrap();
                assert_eq!((again[0].fresh, again[0].id.to_string()), (false, kept.id.to_string()), "{id}");
            }
        }
        assert!(first.iter().all(|kept| kept.fresh));
        assert_eq!(database.number("select count(*) as n from inbox_events").await, 400);
        if database.engine() == Engine::Sqlite {
            let rows = database.number("select count(*) as n from event_batches").await;
            assert!(rows < 100, "{rows} batches wait to be moved");
        }
    })
    .await;
}

#[tokio::test]
async fn events_of_a_database_from_before_their_keys_were_moved_are_recognised() {
    both(|database| async move {
        let before = MigrationSet { name: "engine", migrations: &engine::MIGRATIONS.migrations[..1] };
        store::migrate(&database.db, &[before], Time::from_ms(0)).await.unwrap();
        database
            .execute(
                // The hash of the parts shop, nothing, and 1.
                "insert into jobs (seq, kind, dedupe, state, max_attempts, created_ms)
                 values (1, 'event', 2789498516665367247, 'processed', 17, 0)",
            )
            .await;
        database
            .execute(
                "insert into inbox_events (seq, provider, connection, external_id, kind, received_ms)
                 values (1, 'shop', '', '1', 'order', 0)",
            )
            .await;
        let app = shop(&database).await;
        assert!(!app.deliver("shop", order("1", How::Well)).await.unwrap().fresh);
        assert_eq!(database.number("select count(*) as n from jobs where dedupe is not null").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_malformed_event_is_kept_dead_with_the_reason_and_never_run() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = Received::malformed(&"not json".into(), "expected value at line 1");
        let accepted = app.deliver("shop", event).await.unwrap();
        app.run_jobs().await;
        let row = app.event(&accepted.id).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 0));
        assert_eq!(row.error.as_deref(), Some("expected value at line 1"));
        assert_eq!(effects(&database).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_kind_that_its_handler_has_no_use_for_is_ignored_and_what_says_nothing_new_too() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", testkit::event("2", "nobody_handles_this", "{}")).await.unwrap();
        app.deliver("shop", testkit::event("3", "nothing_new", "{}")).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("ignored").await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_handles_ends_when_it_arrives_and_never_waits_behind_anything() {
    both(|database| async move {
        let app = shop(&database).await;
        let inbox = app.inbox.clone().ending(Relevance::new(app.handlers.clone()));
        let nobodys = || testkit::event("1", "nobody_handles_this", "{}").in_lane(Some("a"));
        let first = inbox.accept(app.delivery("shop", vec![order("0", How::Fails).in_lane(Some("a")), nobodys()]));
        let first = first.await.unwrap();
        let row = app.event(&first[1].id).await;
        assert_eq!((row.status.as_str(), row.attempts, row.processed_at), ("ignored", 0, Some(app.world.now())));
        assert_eq!(app.event(&first[0].id).await.status, "pending");
        assert!(!inbox.accept(app.delivery("shop", vec![nobodys()])).await.unwrap()[0].fresh);
        // It can be handled by hand later, when somebody has learned what it means.
        let again = EventId::parse(&first[1].id.to_string()).unwrap();
        assert_eq!(engine::replay(&database.db, &app.world, &[again]).await.unwrap(), 1);
        assert_eq!(app.event(&first[1].id).await.status, "pending");
    })
    .await;
}

#[tokio::test]
async fn only_a_node_that_knows_better_than_all_others_ends_events_when_they_arrive() {
    both(|database| async move {
        let app = shop(&database).await;
        let relevance = Relevance::new(app.handlers.clone());
        let nobodys = |id: &str| testkit::event(id, "nobody_handles_this", "{}");
        // A node with an older handler than another node's.
        let older = app.inbox.clone().ending(relevance.clone().only_if(|provider| provider != "shop"));
        older.accept(app.delivery("shop", vec![nobodys("1")])).await.unwrap();
        // A provider of which this node has no handler, and handlers that cannot tell.
        let inbox = app.inbox.clone().ending(relevance);
        inbox.accept(app.delivery("unknown_vendor", vec![nobodys("2")])).await.unwrap();
        let unclear = ["routing_panics", "routing_refuses"].map(|kind| testkit::event(kind, kind, "{}"));
        inbox.accept(app.delivery("shop", unclear.to_vec())).await.unwrap();
        assert_eq!(app.count("pending").await, 4);
    })
    .await;
}
