//! Who shares an answer, and whom a commit reaches.

use std::{collections::HashMap, sync::Arc};

use kernel::Role;
use serde_json::json;
use testkit::both;

use super::{
    node::{Node, next, said, sleeps, subject, woken},
    product::runs,
};

#[tokio::test]
async fn a_commit_reaches_those_who_watch_its_table_and_nobody_else() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let eve = node.somebody().await;
        let mut items = node.view(&ada, &["items:list"]);
        let mut notes = node.view(&ada, &["notes:list"]);
        let mut others = node.view(&eve, &["items:list"]);
        for view in [&mut items, &mut notes, &mut others] {
            assert_eq!(next(view).await, HashMap::from([(0, json!([]))]));
        }
        let (of_ada, of_eve) = (runs(ada.organization.as_ref()), runs(eve.organization.as_ref()));
        node.does(&ada, "items:add", 1).await;
        woken(&mut items).await;
        assert_eq!(next(&mut items).await, HashMap::from([(0, json!([1]))]));
        assert!(sleeps(&mut notes).await && sleeps(&mut others).await && sleeps(&mut items).await);
        assert_eq!((next(&mut notes).await, next(&mut others).await), Default::default());
        assert_eq!((runs(ada.organization.as_ref()), runs(eve.organization.as_ref())), (of_ada + 1, of_eve));
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_views_of_a_query_cost_one_run() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut views = Vec::new();
        for _ in 0..10_000 {
            let mut view = node.view(&ada, &["items:list"]);
            next(&mut view).await;
            views.push(view);
        }
        assert_eq!(runs(ada.organization.as_ref()), 1);
        node.does(&ada, "items:add", 1).await;
        let mut shown = Vec::new();
        for view in &mut views {
            woken(view).await;
            shown.push(view.advance(0).await.unwrap().updates.remove(0).shown);
        }
        assert_eq!(runs(ada.organization.as_ref()), 2);
        assert!(shown.iter().all(|other| Arc::ptr_eq(other, &shown[0])));
    })
    .await;
}

#[tokio::test]
async fn people_of_one_role_share_what_is_not_about_themselves() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let (bob, eve) = (node.join(&organization, Role::Viewer).await, node.join(&organization, Role::Viewer).await);
        let mut views = [node.view(&bob, &["items:list", "people:me"]), node.view(&eve, &["items:list", "people:me"])];
        let (one, other) = (views[0].advance(0).await.unwrap(), views[1].advance(0).await.unwrap());
        assert_eq!(runs(Some(&organization)), 3);
        assert_eq!(said(&one)[&1], json!([subject(&bob), "viewer"]));
        assert_eq!(said(&other)[&1], json!([subject(&eve), "viewer"]));
    })
    .await;
}

#[tokio::test]
async fn what_did_not_change_is_not_repeated() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list", "notes:list"]);
        assert_eq!(next(&mut view).await.len(), 2);
        assert!(next(&mut view).await.is_empty());
        node.does(&ada, "items:drop", 7).await;
        assert!(sleeps(&mut view).await && next(&mut view).await.is_empty());
        node.does(&ada, "items:add", 7).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([7]))]));
        view.remove(1);
        node.does(&ada, "both:add", 8).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([7, 8]))]));
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_nobody_reaches_everybody() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let (ada, eve) = (node.somebody().await, node.somebody().await);
        let mut views = [node.view(&ada, &["weather:sky"]), node.view(&eve, &["weather:sky"])];
        for view in &mut views {
            next(view).await;
        }
        database.execute("insert into weather (sky) values ('grey')").await;
        for view in &mut views {
            woken(view).await;
            assert_eq!(next(view).await, HashMap::from([(0, json!(["grey"]))]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_organizations_are_kept_up_to_date_beside_one_another() {
    both(|database| async move {
        let node = Arc::new(Node::new(&database).await);
        let mut watching = Vec::new();
        for _ in 0..100 {
            let node = node.clone();
            watching.push(tokio::spawn(async move {
                let who = node.somebody().await;
                let mut views: Vec<_> = (0..5).map(|_| node.view(&who, &["items:list"])).collect();
                for view in &mut views {
                    next(view).await;
                }
                for n in 0..5 {
                    node.does(&who, "items:add", n).await;
                    for view in &mut views {
                        woken(view).await;
                        assert_eq!(next(view).await[&0].as_array().unwrap().len(), usize::try_from(n + 1).unwrap());
                    }
                }
                assert!(runs(who.organization.as_ref()) <= 12);
            }));
        }
        for watch in watching {
            watch.await.unwrap();
        }
    })
    .await;
}
