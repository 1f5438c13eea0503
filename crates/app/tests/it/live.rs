//! What somebody may see changes while they look.

use std::time::Duration;

use engine::{Asked, Live, LiveOptions, View};
use kernel::Code;
use serde_json::{Value, json};
use testkit::{both, hours};
use tokio::time::timeout;

use crate::people::{Office, Somebody};

/// Within a second, somebody who looks knows.
const SOON: Duration = Duration::from_secs(1);

async fn watch(office: &Office, live: &Live, who: &Somebody, operation: &str) -> View {
    let mut view = live.view(office.enter(who, None).await.expect("they come in"));
    view.add(1, Asked { operation: operation.to_owned(), arguments: json!({}), journal: None });
    view.advance(0).await.expect("a moment");
    view
}

/// How many rows somebody sees after the next change.
async fn seen(view: &mut View) -> usize {
    timeout(SOON, view.changed()).await.expect("they are told within a second");
    let moment = view.advance(0).await.expect("a moment");
    let shown = moment.updates[0].shown.outcome.clone().expect("an answer");
    serde_json::from_str::<Value>(&shown).expect("JSON").as_array().expect("a list").len()
}

#[tokio::test]
async fn open_queries_of_staff_follow_their_assignments() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let assignment = json!({ "customerId": acme["_id"], "userId": office.id(&staff).await });
        let live = Live::start(&office.operations, LiveOptions::default());
        let mut view = watch(&office, &live, &staff, "customers:list").await;
        office.change(&owner, "assignments:assign", assignment.clone()).await.unwrap();
        assert_eq!(seen(&mut view).await, 1);
        office.change(&owner, "assignments:unassign", assignment).await.unwrap();
        assert_eq!(seen(&mut view).await, 0);
    })
    .await;
}

#[tokio::test]
async fn open_queries_of_somebody_who_is_removed_end() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let viewer = office.member(&owner, "viewer", "viewer", None).await;
        let live = Live::start(&office.operations, LiveOptions::default());
        let mut view = watch(&office, &live, &viewer, "customers:list").await;
        office.change(&owner, "users:remove", json!({ "userId": office.id(&viewer).await })).await.unwrap();
        timeout(SOON, view.changed()).await.expect("they are told within a second");
        assert_eq!(view.advance(0).await.err().map(|error| error.code), Some(Code::Unauthenticated));
    })
    .await;
}

#[tokio::test]
async fn open_queries_of_an_admin_who_acts_as_somebody_are_theirs_again_after_the_hour() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        office.customer(&owner, "Acme").await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let live = Live::start(&office.operations, LiveOptions::default());
        let mut view = watch(&office, &live, &owner, "customers:list").await;
        let target = json!({ "userId": office.id(&staff).await });
        office.change(&owner, "users:startImpersonating", target).await.unwrap();
        assert_eq!(seen(&mut view).await, 0);
        office.app.clock.advance(hours(1));
        office.app.run_jobs().await;
        assert_eq!(seen(&mut view).await, 1);
    })
    .await;
}

#[tokio::test]
async fn somebody_who_looks_is_told_when_they_are_let_in() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let grace = office.somebody("grace");
        office.sync(&grace).await.unwrap();
        let live = Live::start(&office.operations, LiveOptions::default());
        let mut view = watch(&office, &live, &grace, "organizations:has").await;
        office.member(&owner, "grace", "viewer", None).await;
        timeout(SOON, view.changed()).await.expect("they are told within a second");
        assert!(office.enter(&grace, None).await.unwrap().organization.is_some());
    })
    .await;
}
