//! Replay and retention: what was handled can be handled again, until it is forgotten.

use engine::{EventId, replay, retain};
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

        assert_eq!(retain(&app.db, app.world.now(), days(30)).await.unwrap(), 2);
        assert_eq!(retain(&app.db, app.world.now(), days(30)).await.unwrap(), 0);
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
        assert_eq!(retain(&app.db, app.world.now(), days(30)).await.unwrap(), 1300);
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
        retain(&app.db, app.world.now(), days(30)).await.unwrap();
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
async fn ended_jobs_are_shown_for_a_week_and_dead_ones_until_somebody_cares() {
    both(|database| async move {
        let app = shop(&database).await;
        app.enqueue(|| errand("done", How::Well)).await;
        app.enqueue(|| errand("dead", How::Broken)).await;
        app.run_jobs().await;
        app.clock.advance(days(6));
        retain(&app.db, app.world.now(), days(30)).await.unwrap();
        assert_eq!(app.jobs().await.len(), 2);
        app.clock.advance(days(2));
        retain(&app.db, app.world.now(), days(30)).await.unwrap();
        let left = app.jobs().await;
        assert_eq!((left.len(), left[0].status.as_str()), (1, "dead"));
    })
    .await;
}
