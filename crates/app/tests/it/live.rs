//! What a caller may see changes while they watch.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use app::api_keys;
use engine::{Live, LiveOptions, QueryRequest, View, Who};
use kernel::{Clock, Code};
use serde_json::{Value, json};
use store::Table;
use testkit::{both, hours, minutes};
use tokio::time::timeout;

use crate::people::{Office, Somebody};

/// A change is shown at once. The bound only ends a test that would otherwise never end; it is shorter than the
/// interval after which callers are resolved again.
const SOON: Duration = Duration::from_secs(20);

async fn watch(office: &Office, live: &Live, who: &Somebody, operation: &str) -> View {
    look(live, office.enter(who, None).await.expect("they come in"), operation).await
}

async fn look(live: &Live, who: Who, operation: &str) -> View {
    let mut view = live.view(who);
    view.add(1, QueryRequest { operation: operation.to_owned(), arguments: json!({}), journal: None });
    view.advance(0).await.expect("a moment");
    view
}

/// Returns the number of rows that are shown after the next change.
async fn seen(view: &mut View) -> usize {
    timeout(SOON, view.changed()).await.expect("they are told");
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
        ended(&mut view).await;
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
        assert_eq!(seen(&mut view).await, 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_new_in_the_installation_concerns_nobody_else() {
    both(|database| async move {
        let (office, mut owner) = Office::with_owner(&database).await;
        let written = Arc::new(Mutex::new(BTreeSet::new()));
        let told = written.clone();
        office.app.db.on_commit(Arc::new(move |commit| told.lock().unwrap().extend(commit.tables.clone())));
        let read = office.enter(&owner, None).await.unwrap();
        let asked = ["users:me", "organizations:getMine", "organizations:has"].map(|operation| QueryRequest {
            operation: operation.to_owned(),
            arguments: json!({}),
            journal: None,
        });
        let answers = office.operations.snapshot(&read, asked.into()).await.unwrap().answers;
        // Rows of tenant tables are invalidated by organization.
        let read = answers.into_iter().flat_map(|answer| answer.reads.tables);
        let read: BTreeSet<_> = read.filter(|table| !table.is_tenant).collect();

        let grace = office.somebody("grace");
        office.sync(&grace).await.unwrap();
        let name = json!({ "name": "Another" });
        office
            .operations
            .mutation(&office.enter(&grace, None).await.unwrap(), "organizations:create", &name, None)
            .await
            .unwrap();
        assert_eq!(written.lock().unwrap().intersection(&read).collect::<Vec<_>>(), Vec::<&Table>::new());

        owner.claims.first_name = Some("Augusta".to_owned());
        office.sync(&owner).await.unwrap();
        assert!(written.lock().unwrap().intersection(&read).next().is_some(), "their own new name does");
    })
    .await;
}

#[tokio::test]
async fn open_queries_of_a_key_end_when_it_does() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let live = Live::start(&office.operations, LiveOptions::default());
        let expires = office.app.clock.now() + hours(1);
        let new = json!({ "name": "reports", "role": "viewer", "expiresAt": expires.ms() });
        let key = office.change(&owner, "apiKeys:create", new).await.unwrap();
        let mut expiring = look(&live, holder(&office, &key).await, "customers:list").await;
        office.app.clock.advance(hours(1));
        ended(&mut expiring).await;

        let key = office.change(&owner, "apiKeys:create", json!({ "name": "sync", "role": "viewer" })).await.unwrap();
        let mut before = look(&live, holder(&office, &key).await, "customers:list").await;
        let rotate = json!({ "apiKeyId": key["_id"], "graceMs": 60_000 });
        office.change(&owner, "apiKeys:rotate", rotate).await.unwrap();
        before.advance(0).await.expect("both work for a while");
        office.app.clock.advance(minutes(1));
        ended(&mut before).await;
    })
    .await;
}

async fn holder(office: &Office, key: &Value) -> Who {
    let key = key["key"].as_str().expect("a new key is shown");
    let identity = api_keys::identify(office.operations.db(), office.operations.world(), key).await;
    office.operations.enter(identity.expect("the key is good"), None, None).await.expect("it comes in")
}

/// Waits for the end of a subscription whose token or key has become invalid.
async fn ended(view: &mut View) {
    timeout(SOON, view.changed()).await.expect("they are told");
    assert_eq!(view.advance(0).await.err().map(|error| error.code), Some(Code::Unauthenticated));
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
        timeout(SOON, view.changed()).await.expect("they are told");
        assert!(office.enter(&grace, None).await.unwrap().organization.is_some());
    })
    .await;
}
