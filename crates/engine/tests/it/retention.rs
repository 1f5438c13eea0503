//! Replay and retention: what was handled can be handled again, until it is forgotten.

use engine::{EventId, replay};
use testkit::{both, days, hours};

use crate::shop::{How, effects, errand, heal, order, shop};

#[tokio::test]
async fn an_event_that_ended_in_any_way_is_handled_again() {
    both(|database| async move {
        let app = shop(&database).await;
        let mut ids = Vec::new();
        for (name, how) in [("well", How::Well), ("broken", How::Broken)] {
            ids.push(app.deliver("shop", order(name, how)).await.unwrap().id);
        }
        ids.push(app.deliver("shop", testkit::event("ignored", "nobody_handles_this", "{}")).await.unwrap().id);
        app.run_jobs().await;
        assert_eq!(replay(&app.db, &app.world, &ids).await.unwrap(), 3);
        assert_eq!(replay(&app.db, &app.world, &ids).await.unwrap(), 0, "they are still to be done");
        assert_eq!(app.count("pending").await, 3);
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["well", "well"]);
        assert_eq!((app.count("processed").await, app.count("dead").await, app.count("ignored").await), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_dead_event_is_replayed_once_what_broke_it_is_mended() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = app.deliver("shop", order("1", How::Fails)).await.unwrap();
        for _ in 0..17 {
            app.run_jobs().await;
            app.clock.advance(hours(2));
        }
        let row = app.event(&event.id).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 17));
        assert!(row.error.unwrap().contains("the shop is closed"));
        heal(&database).await;
        replay(&app.db, &app.world, std::slice::from_ref(&event.id)).await.unwrap();
        app.run_jobs().await;
        let row = app.event(&event.id).await;
        assert_eq!((row.status.as_str(), row.attempts, row.error), ("processed", 1, None));
    })
    .await;
}

#[tokio::test]
async fn replaying_an_unknown_event_replays_none() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = app.deliver("shop", order("1", How::Well)).await.unwrap();
        app.run_jobs().await;
        let ids = [event.id, EventId::new(999)];
        assert_eq!(replay(&app.db, &app.world, &ids).await.unwrap_err().tag, "event_unknown");
        assert_eq!(app.count("processed").await, 1);
    })
    .await;
}

#[tokio::test]
async fn retention_forgets_the_bodies_of_what_was_handled_and_nothing_else() {
    both(|database| async move {
        let app = shop(&database).await;
        for (name, how, account) in
            [("done", How::Well, None), ("dead", How::Broken, None), ("unresolved", How::Well, Some("acc"))]
        {
            app.deliver("shop", order(name, how).about(account)).await.unwrap();
        }
        app.deliver("shop", testkit::event("ignored", "nobody_handles_this", "{}")).await.unwrap();
        app.run_jobs().await;
        app.deliver("shop", order("pending", How::Well)).await.unwrap();
        app.clock.advance(days(31));
        app.deliver("shop", testkit::event("young", "nobody_handles_this", "{}")).await.unwrap();

        assert_eq!(app.retain().await, [("event-bodies", 2)].into());
        assert_eq!(app.retain().await, [].into());
        let kept = "select external_id as t from inbox_events where body is not null order by external_id";
        assert_eq!(database.texts(kept).await, ["dead", "pending", "unresolved", "young"]);
        assert!(!app.deliver("shop", order("done", How::Well)).await.unwrap().fresh, "its id is not forgotten");
    })
    .await;
}

#[tokio::test]
async fn retention_works_through_more_than_one_batch() {
    both(|database| async move {
        let app = shop(&database).await;
        let many = (0..1300).map(|turn| testkit::event(turn.to_string(), "nobody_handles_this", "{}"));
        app.deliver_all("shop", many.collect()).await.unwrap();
        app.run_jobs().await;
        app.clock.advance(days(31));
        assert_eq!(app.retain().await, [("event-bodies", 1300)].into());
    })
    .await;
}

#[tokio::test]
async fn an_event_without_its_body_is_not_replayed_and_says_why() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = app.deliver("shop", order("1", How::Well)).await.unwrap();
        app.run_jobs().await;
        app.clock.advance(days(31));
        app.retain().await;
        let error = replay(&app.db, &app.world, std::slice::from_ref(&event.id)).await.unwrap_err();
        assert_eq!(error.tag, "event_body_dropped");
        // Nor is one run that lost its body on the way.
        database.execute("update jobs set state = 'ready', rank = 1").await;
        app.run_jobs().await;
        let row = app.event(&event.id).await;
        assert_eq!(row.status, "dead");
        assert!(row.error.unwrap().contains("retention"));
        assert_eq!(effects(&database).await, ["1"]);
    })
    .await;
}

#[tokio::test]
async fn what_ended_badly_does_not_keep_the_bodies_of_later_events() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("dead", How::Broken)).await.unwrap();
        app.run_jobs().await;
        for turn in 0..3 {
            app.deliver("shop", order(&turn.to_string(), How::Well)).await.unwrap();
            app.run_jobs().await;
            app.clock.advance(days(31));
            assert_eq!(app.retain().await.get("event-bodies"), Some(&1), "turn {turn}");
        }
    })
    .await;
}

#[tokio::test]
async fn events_are_forgotten_however_they_ended_and_a_repetition_is_new_then() {
    both(|database| async move {
        let app = shop(&database).await;
        for (name, how, account) in
            [("done", How::Well, None), ("dead", How::Broken, None), ("unresolved", How::Well, Some("acc"))]
        {
            app.deliver("shop", order(name, how).about(account)).await.unwrap();
        }
        app.deliver("shop", testkit::event("ignored", "nobody_handles_this", "{}")).await.unwrap();
        app.run_jobs().await;
        app.deliver("shop", order("pending", How::Well)).await.unwrap();
        app.clock.advance(days(89));
        app.deliver("shop", order("young", How::Well)).await.unwrap();
        app.retain().await;
        assert_eq!(app.events().await.len(), 6);
        app.clock.advance(days(2));
        assert_eq!(app.retain().await.get("events"), Some(&4));
        let left: Vec<_> = app.events().await.into_iter().map(|event| event.external_id).collect();
        assert_eq!(left, ["pending", "young"]);
        assert_eq!(database.number("select count(*) as n from route_waits").await, 0);
        assert_eq!(database.number("select count(*) as n from jobs").await, 2);
        for (name, fresh) in [("done", true), ("dead", true), ("pending", false), ("young", false)] {
            let accepted = app.deliver("shop", order(name, How::Well)).await.unwrap();
            assert_eq!(accepted.fresh, fresh, "{name}");
            assert!(!app.deliver("shop", order(name, How::Well)).await.unwrap().fresh, "{name} again");
        }
        // A node that starts now knows the same.
        let node = app.node(&database, 2).await;
        for name in ["done", "dead", "pending", "young"] {
            assert!(!node.deliver("shop", order(name, How::Well)).await.unwrap().fresh, "{name} on another node");
        }
        app.run_jobs().await;
        let mut done = effects(&database).await;
        done.sort();
        assert_eq!(done, ["dead", "done", "done", "pending", "young"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_was_still_to_be_done_when_it_was_old_is_forgotten_once_it_has_ended() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("late", How::Well)).await.unwrap();
        app.clock.advance(days(91));
        assert_eq!(app.retain().await, [].into());
        app.run_jobs().await;
        app.clock.advance(days(2));
        assert_eq!(app.retain().await.get("events"), Some(&1));
    })
    .await;
}

#[tokio::test]
async fn ended_jobs_are_shown_for_a_week_and_dead_ones_for_three_months() {
    both(|database| async move {
        let app = shop(&database).await;
        app.enqueue(|| errand("done", How::Well)).await;
        app.enqueue(|| errand("dead", How::Broken)).await;
        app.run_jobs().await;
        app.clock.advance(days(6));
        assert_eq!(app.retain().await, [].into());
        app.clock.advance(days(2));
        assert_eq!(app.retain().await, [("jobs", 1)].into());
        let left = app.jobs().await;
        assert_eq!((left.len(), left[0].status.as_str()), (1, "dead"));
        app.clock.advance(days(83));
        assert_eq!(app.retain().await, [("dead-jobs", 1)].into());
        assert_eq!(app.jobs().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn crons_that_no_code_has_any_more_are_forgotten_and_those_that_wait_for_their_time_are_not() {
    both(|database| async move {
        let app = shop(&database).await;
        let mut handlers = app.handlers.clone();
        engine::register_retention(&mut handlers, |_| None).unwrap();
        let runner = engine::Runner::new(
            app.db.clone(),
            app.world.clone(),
            handlers,
            engine::RunnerOptions::new(app.db.engine()),
        )
        .unwrap();
        database.execute("insert into crons (name, next_ms) values ('of_an_old_release', 1)").await;
        runner.run_until_idle().await;
        app.clock.advance(hours(2));
        runner.run_until_idle().await;
        assert_eq!(database.texts("select name as t from crons").await, ["inbox-retention"]);
    })
    .await;
}

#[tokio::test]
async fn what_finds_old_rows_reads_an_index_and_no_rows_that_are_kept() {
    both(|database| async move {
        let app = shop(&database).await;
        testkit::assert_sweeps_read_what_they_delete(&database, app.handlers.sweeps()).await;
    })
    .await;
}
