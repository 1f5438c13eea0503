//! What fails or is slow stays alone.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use testkit::both;

use super::{
    house::{House, next, woken},
    product::GATE,
};

#[tokio::test]
async fn a_query_that_fails_fails_alone_and_heals() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody().await;
        let mut view = house.view(&ada, &["items:shares", "items:list", "items:secrets", "nothing:here", "notes:list"]);
        let first = next(&mut view).await;
        assert_eq!((&first[&0], &first[&1], &first[&4]), (&json!([]), &json!([]), &json!([])));
        assert_eq!((&first[&2], &first[&3]), (&json!("role_insufficient"), &json!("operation_unknown")));
        house.does(&ada, "items:add", 0).await;
        let broken = next(&mut view).await;
        assert!(broken[&0].is_string(), "{broken:?}");
        assert_eq!((&broken[&1], broken.len()), (&json!([0]), 2));
        // It still fails, in the same way: nobody has to be told.
        house.does(&ada, "items:add", 4).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!([0, 4]))]));
        house.does(&ada, "items:drop", 0).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([25])), (1, json!([4]))]));
    })
    .await;
}

#[tokio::test]
async fn a_slow_query_holds_up_no_other_organization() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, eve) = (house.somebody().await, house.somebody().await);
        let mut slow = house.view(&ada, &["items:slow", "items:list"]);
        let mut quick = house.view(&eve, &["items:list"]);
        next(&mut quick).await;
        // Whoever waits may leave and come again.
        assert!(tokio::time::timeout(Duration::from_millis(100), slow.advance(0)).await.is_err());
        for n in 1..=3 {
            house.does(&eve, "items:add", n).await;
            woken(&mut quick).await;
            assert_eq!(next(&mut quick).await, HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
        }
        house.does(&ada, "items:add", 1).await;
        GATE.add_permits(2);
        assert_eq!(next(&mut slow).await, HashMap::from([(0, json!([1])), (1, json!([1]))]));
    })
    .await;
}
