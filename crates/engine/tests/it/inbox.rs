//! The inbox: what was accepted is kept, once, and whoever sends something impossible hurts nobody else.

use engine::{Inbox, InboxOptions, Intake};
use futures_util::future::join_all;
use kernel::{Code, Time};
use provider::Received;
use store::{Engine, MigrationSet};
use testkit::{both, minutes, postgres};

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

#[tokio::test]
async fn one_row_that_cannot_be_stored_is_refused_alone() {
    both(|database| async move {
        let app = shop(&database).await;
        let mut guilty = order("guilty", How::Well);
        guilty.external_id = "nul\0".to_owned();
        let events: Vec<Received> = (0..30)
            .map(|turn| if turn == 17 { guilty.clone() } else { order(&format!("{turn:02}"), How::Well) })
            .collect();
        let answers = join_all(events.into_iter().map(|event| app.deliver("shop", event))).await;
        for (turn, answer) in answers.iter().enumerate() {
            // SQLite can store it.
            let refused = turn == 17 && database.engine() == Engine::Postgres;
            assert_eq!(answer.is_err(), refused, "{turn}");
        }
        if let Err(error) = &answers[17] {
            assert_eq!((error.code, error.tag), (Code::BadRequest, "value_unstorable"));
        }
        app.run_jobs().await;
        let done = sorted_effects(&database).await;
        assert_eq!(done.iter().filter(|effect| effect.len() == 2).count(), 29);
    })
    .await;
}

#[tokio::test]
async fn the_innocent_events_of_a_request_are_kept_beside_the_guilty_one() {
    postgres(|database| async move {
        let app = shop(&database).await;
        let mut guilty = order("guilty", How::Well);
        guilty.account = Some("nul\0".to_owned());
        let answer = app.deliver_all("shop", vec![order("1", How::Well), guilty, order("2", How::Well)]).await;
        assert_eq!(answer.err().unwrap().tag, "value_unstorable");
        app.run_jobs().await;
        assert_eq!(sorted_effects(&database).await, ["1", "2"]);
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
