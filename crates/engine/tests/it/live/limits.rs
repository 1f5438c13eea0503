//! How much one connection may ask for.

use std::collections::HashMap;

use engine::{Identity, LiveOptions, Who};
use serde_json::{Value, json};
use testkit::{TestClock, both, sqlite};

use super::{
    node::{Node, asked, next, patient, said, sleeps, woken},
    product::runs,
};

fn nobody() -> Who {
    Who { identity: Identity::Anonymous, organization: None, origin: None }
}

/// A query with an argument of so many bytes.
fn long(bytes: usize) -> engine::QueryRequest {
    asked("weather:sky", json!({ "text": "x".repeat(bytes) }))
}

#[tokio::test]
async fn a_query_too_many_is_refused_alone_and_there_is_room_again_when_one_ends() {
    both(|database| async move {
        let node = Node::with(&database.db, TestClock::new(), LiveOptions { queries: 3, ..patient() }).await;
        let ada = node.somebody().await;
        let mut view = node.live.view(ada.clone());
        for id in 0..5 {
            view.add(id, asked("items:list", json!({ "turn": id })));
        }
        let first = next(&mut view).await;
        let refused: Vec<_> = (0..5).filter(|id| first[id] == json!("too_many_queries")).collect();
        assert_eq!(refused, [3, 4]);
        // It is told once, and the others go on.
        let ts = node.does(&ada, "items:add", 1).await;
        assert_eq!(said(&view.advance(ts).await.unwrap()).len(), 3);
        assert!(view.remove(0) && !view.remove(3));
        view.add(3, asked("items:list", json!({ "turn": 3 })));
        assert_eq!(next(&mut view).await, HashMap::from([(3, json!([1]))]));
    })
    .await;
}

#[tokio::test]
async fn of_arguments_that_are_too_long_nothing_is_kept_and_before_sign_in_less_is_allowed() {
    sqlite(|database| async move {
        let options = LiveOptions { bytes: 100_000, anonymous_bytes: 10_000, ..patient() };
        let node = Node::with(&database.db, TestClock::new(), options).await;
        let mut view = node.live.view(nobody());
        for id in 0..12 {
            view.add(id, long(60_000));
        }
        view.add(12, asked("weather:sky", json!({})));
        let shown = next(&mut view).await;
        assert!((0..12).all(|id| shown[&id] == json!("queries_too_large")), "{shown:?}");
        assert_eq!(shown[&12], json!([]));
        // Who has signed in has more room, but not without end.
        view.set_who(node.somebody().await);
        view.add(20, long(60_000));
        view.add(21, long(60_000));
        let shown = next(&mut view).await;
        // What was refused is never run.
        assert_eq!((&shown[&21], shown.contains_key(&0)), (&json!("queries_too_large"), false));
        assert_ne!(shown[&20], json!("queries_too_large"));
        view.remove(20);
        view.add(22, long(60_000));
        assert_ne!(next(&mut view).await[&22], json!("queries_too_large"));
    })
    .await;
}

#[tokio::test]
async fn answers_that_are_too_long_are_refused_and_given_up() {
    both(|database| async move {
        let options = LiveOptions { bytes: 3000, ..patient() };
        let node = Node::with(&database.db, TestClock::new(), options).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list", "notes:list"]);
        next(&mut view).await;
        let write = store::work(|tx| {
            Box::pin(async move {
                for n in 1000..2000 {
                    tx.query("insert into notes (org_id, n) values ($1, $2)").bind(n).execute().await?;
                }
                Ok(())
            })
        });
        node.db.write(&kernel::Scope::Organization(ada.organization.clone().unwrap()), write).await.unwrap();
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!("queries_too_large"))]));
        // Nobody watches it any more, so it does not run any more.
        let before = runs(ada.organization.as_ref());
        node.does(&ada, "notes:add", 1).await;
        assert!(sleeps(&mut view).await);
        assert_eq!(runs(ada.organization.as_ref()), before);
        let ts = node.does(&ada, "items:add", 1).await;
        let moment: HashMap<u32, Value> = said(&view.advance(ts).await.unwrap());
        assert_eq!(moment, HashMap::from([(0, json!([1]))]));
    })
    .await;
}
