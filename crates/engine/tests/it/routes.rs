//! Whose event it is: what belongs to nobody yet waits, and goes on as soon as it belongs to somebody.

use engine::Route;
use testkit::{App, both, minutes, postgres};

use crate::shop::{How, effects, order, shop, sorted_effects};

#[tokio::test]
async fn an_event_of_an_unknown_organization_waits_and_is_handled_when_it_appears() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        let event = app.deliver("shop", order("1", How::Well).about(Some("acc"))).await.unwrap();
        app.deliver("shop", order("2", How::Well).about(Some("other"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("unresolved").await, 2);
        assert_eq!(app.event(&event.id).await.status, "unresolved");

        assert!(app.add_route("shop:acc", &ours).await);
        app.run_jobs().await;
        assert_eq!(app.event(&event.id).await.status, "processed");
        assert_eq!(effects(&database).await, ["1"]);
        app.deliver("shop", order("3", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1", "3"]);
    })
    .await;
}

#[tokio::test]
async fn any_of_its_keys_leads_an_event_home() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        app.deliver("shop", order("1", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        assert!(app.add_route("shop:all:acc", &ours).await);
        app.run_jobs().await;
        assert!(app.add_route("shop:acc", &ours).await);
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1"]);
        assert_eq!(database.number("select count(*) as n from jobs where rank is not null").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_connection_that_the_path_names_is_the_last_resort() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        let mut delivery = app.delivery("shop", vec![order("1", How::Well).about(Some("acc"))]);
        delivery.connection = "con_1".to_owned();
        engine::Intake::accept(&app.inbox, delivery).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("unresolved").await, 1);
        app.add_route("connection:con_1", &ours).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_vendor_calls_by_one_name_cannot_belong_to_two_tenants() {
    both(|database| async move {
        let app = shop(&database).await;
        let (ours, theirs) = (app.organization(), app.organization());
        assert!(app.add_route("shop:acc", &ours).await);
        assert!(app.add_route("shop:acc", &ours).await);
        assert!(!app.add_route("shop:acc", &theirs).await);
    })
    .await;
}

#[tokio::test]
async fn a_route_that_moved_is_noticed_also_by_a_node_that_remembers_the_old_one() {
    both(|database| async move {
        let app = shop(&database).await;
        let (ours, theirs) = (app.organization(), app.organization());
        app.add_route("shop:acc", &ours).await;
        app.deliver("shop", order("1", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        database.execute("delete from routes").await;
        app.deliver("shop", order("2", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("unresolved").await, 1);
        app.add_route("shop:acc", &theirs).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1", "2"]);
    })
    .await;
}

#[tokio::test]
async fn waiting_events_keep_the_order_of_their_lane() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        for turn in 0..5 {
            let event = order(&turn.to_string(), How::Well).about(Some("acc")).in_lane(Some("a"));
            app.deliver("shop", event).await.unwrap();
            app.run_jobs().await;
        }
        app.clock.advance(minutes(1));
        app.add_route("shop:acc", &ours).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["0", "1", "2", "3", "4"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_comes_while_its_event_is_being_parked_is_not_missed() {
    postgres(|database| async move {
        let app: App = shop(&database).await;
        let ours = app.organization();
        for turn in 0..200 {
            let account = format!("acc_{turn}");
            let event = order(&account, How::Well).about(Some(&account));
            app.deliver("shop", event).await.unwrap();
            let route = Route { key: format!("shop:{account}"), organization: ours.clone(), connection: None };
            let (db, world) = (app.db.clone(), app.world.clone());
            let adding = tokio::spawn(async move {
                let write = store::work(move |tx| {
                    let (route, world) = (route.clone(), world.clone());
                    Box::pin(async move { engine::add_route(tx, &world, &route).await })
                });
                db.write(&kernel::Scope::System, write).await
            });
            app.run_jobs().await;
            assert!(adding.await.unwrap().unwrap());
            // What was parked after this look was let go by the route, and runs now.
            app.run_jobs().await;
            assert_eq!(app.count("unresolved").await, 0, "{turn}");
        }
        let expected: Vec<_> = (0..200).map(|turn| format!("acc_{turn}")).collect();
        let mut done = sorted_effects(&database).await;
        done.sort_by_key(|effect| effect[4..].parse::<u32>().unwrap());
        assert_eq!(done, expected);
    })
    .await;
}

#[tokio::test]
async fn an_unresolved_event_can_be_replayed_and_waits_again() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = app.deliver("shop", order("1", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(engine::replay(&app.db, &app.world, &[event.id]).await.unwrap(), 1);
        app.run_jobs().await;
        assert_eq!(app.count("unresolved").await, 1);
        let ours = app.organization();
        app.add_route("shop:acc", &ours).await;
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["1"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_connects_an_account_does_not_wait_for_the_events_that_waited_for_it() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        let many = (0..900).map(|turn| order(&format!("{turn:03}"), How::Well).about(Some("acc")).in_lane(Some("a")));
        app.deliver_all("shop", many.collect()).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.count("unresolved").await, 900);
        app.add_route("shop:acc", &ours).await;
        // A job lets them go, in batches.
        assert_eq!((app.count("unresolved").await, app.jobs().await.len()), (900, 1));
        app.run_jobs().await;
        let expected: Vec<_> = (0..900).map(|turn| format!("{turn:03}")).collect();
        assert_eq!(effects(&database).await, expected);
        assert_eq!(database.number("select count(*) as n from route_waits").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_comes_while_others_are_let_go_stays_behind_them() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        let event = |turn: usize| order(&turn.to_string(), How::Well).about(Some("acc")).in_lane(Some("a"));
        for turn in 0..3 {
            app.deliver("shop", event(turn)).await.unwrap();
        }
        app.run_jobs().await;
        app.add_route("shop:acc", &ours).await;
        for turn in 3..6 {
            app.deliver("shop", event(turn)).await.unwrap();
        }
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["0", "1", "2", "3", "4", "5"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_was_replayed_by_hand_holds_nobody_up() {
    both(|database| async move {
        let app = shop(&database).await;
        let ours = app.organization();
        let event = app.deliver("shop", order("1", How::Broken).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        app.add_route("shop:acc", &ours).await;
        engine::replay(&app.db, &app.world, &[event.id]).await.unwrap();
        app.deliver("shop", order("2", How::Well).about(Some("acc"))).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["2"]);
        assert_eq!((app.count("unresolved").await, app.count("dead").await), (0, 1));
    })
    .await;
}
