//! A panic affects one answer only.

use kernel::Role;
use serde_json::json;
use testkit::both;

use crate::house::House;

#[tokio::test]
async fn a_panic_is_one_500_that_changed_nothing() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        ada.post("/v1/notes", &json!({ "text": "milk" })).await.good();
        for broken in
            [ada.post("/v1/notes/break", &json!({})).await, ada.post("/v1/shout", &json!({ "text": "panic" })).await]
        {
            let (status, _, problem) = broken.problem();
            assert_eq!((status, &problem["code"]), (500, &json!("internal")));
            assert!(!problem.to_string().contains("is broken"), "{problem}");
        }
        assert_eq!(ada.get("/v1/notes/count").await.good()["count"], 1);
        assert_eq!(ada.post("/v1/notes", &json!({ "text": "bread" })).await.good()["n"], 2);
    })
    .await;
}
