//! Who somebody is may change while they watch.

use std::collections::HashMap;

use engine::{Identity, Who};
use kernel::{Clock, Code, Role};
use serde_json::json;
use testkit::{both, hours};

use super::{
    node::{Node, next, refreshed, sleeps, subject, woken},
    product::runs,
};

#[tokio::test]
async fn another_role_shows_another_answer_and_a_removed_person_is_told() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let eve = node.join(&organization, Role::Admin).await;
        let mut view = node.view(&ada, &["items:secrets", "people:me"]);
        let mut admin = node.view(&eve, &["items:secrets"]);
        assert_eq!(next(&mut view).await[&0], json!("role_insufficient"));
        assert_eq!(next(&mut admin).await[&0], json!([]));

        node.employ(&organization, subject(&ada), Some(Role::Admin)).await;
        woken(&mut view).await;
        let promoted = next(&mut view).await;
        assert_eq!((&promoted[&0], &promoted[&1]), (&json!([]), &json!([subject(&ada), "admin"])));
        // The one whose rights the shared query was asked with loses them; the other does not notice.
        node.employ(&organization, subject(&eve), Some(Role::Viewer)).await;
        assert_eq!(next(&mut admin).await[&0], json!("role_insufficient"));
        node.does(&ada, "items:add", 1).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
        assert!(next(&mut admin).await.is_empty());

        node.employ(&organization, subject(&ada), None).await;
        woken(&mut view).await;
        assert_eq!(view.advance(0).await.unwrap_err().code, Code::Unauthenticated);
        assert!(next(&mut admin).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_token_that_expires_ends_the_view_and_a_refreshed_one_costs_nothing() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let organization = ada.organization.as_ref();
        let (mut stays, mut ends) = (node.view(&ada, &["items:list"]), node.view(&ada, &["items:list"]));
        next(&mut stays).await;
        next(&mut ends).await;
        let before = runs(organization);
        stays.set_who(refreshed(&ada, node.clock.now() + hours(9)));
        assert!(next(&mut stays).await.is_empty());
        assert_eq!(runs(organization), before);

        node.clock.advance(hours(2));
        woken(&mut ends).await;
        assert_eq!(ends.advance(0).await.unwrap_err().code, Code::Unauthenticated);
        // What both watch is asked with the token that is still good.
        node.does(stays.who(), "items:add", 1).await;
        assert_eq!(next(&mut stays).await, HashMap::from([(0, json!([1]))]));
        ends.set_who(refreshed(&ada, node.clock.now() + hours(9)));
        assert_eq!(next(&mut ends).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

#[tokio::test]
async fn for_somebody_else_everything_is_asked_anew() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let (ada, eve) = (node.somebody().await, node.somebody().await);
        node.does(&ada, "items:add", 1).await;
        let mut view = node.view(&ada, &["items:list", "people:me", "weather:sky"]);
        next(&mut view).await;
        view.set_who(eve.clone());
        let other = next(&mut view).await;
        assert_eq!(other, HashMap::from([(0, json!([])), (1, json!([subject(&eve), "staff"]))]));
        view.set_who(Who { identity: Identity::Anonymous, organization: None, origin: None });
        let nobody = next(&mut view).await;
        assert_eq!(nobody, HashMap::from([(0, json!("sign_in_needed")), (1, json!("sign_in_needed"))]));
        node.does(&eve, "items:add", 1).await;
        assert!(sleeps(&mut view).await);
        database.execute("insert into weather (sky) values ('blue')").await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(2, json!(["blue"]))]));
    })
    .await;
}
