//! The inbox through operations: for admins, of their own organization, page by page, and live.

use std::{sync::Arc, time::Duration};

use engine::{Identity, Live, LiveOptions, QueryRequest, Who};
use kernel::{Code, OrgId};
use serde_json::{Value, json};
use testkit::both;
use tokio::time::timeout;

use crate::{
    installation::{Installation, connect, create, person, text},
    people::{Office, code, tag},
};

/// Ends a test that would otherwise never end.
const SOON: Duration = Duration::from_secs(20);

/// Returns the operations of the installation, and the operator as their caller in this organization.
async fn operator(it: &Installation, organization: &OrgId) -> (Office, Who) {
    let office = Office::on(it.app.clone(), Arc::default());
    let who = office.operations.enter(Identity::Operator(organization.clone()), None, None).await;
    (office, who.expect("the operator may enter"))
}

async fn ask(office: &Office, who: &Who, operation: &str, arguments: Value) -> Value {
    office.operations.query(who, operation, arguments).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
}

/// Reads a list in pages of two.
async fn paged(office: &Office, who: &Who, operation: &str, arguments: &Value) -> Vec<Value> {
    let (mut rows, mut arguments) = (Vec::new(), arguments.clone());
    arguments["paginationOpts"] = json!({ "numItems": 2, "cursor": null });
    loop {
        let page = ask(office, who, operation, arguments.clone()).await;
        rows.extend(page["page"].as_array().expect("rows").clone());
        if page["isDone"] == true {
            return rows;
        }
        arguments["paginationOpts"]["cursor"] = page["continueCursor"].clone();
    }
}

#[tokio::test]
async fn lists_and_pages_show_the_same_rows_newest_first() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        for n in 0..5 {
            let from = person(&format!("DE.{n}"), &format!("+49151{n}"), &format!("user{n}"));
            it.hear(text(&format!("wamid.{n}"), from.clone(), 100 + n, &format!("first {n}"))).await;
            it.hear(text(&format!("wamid.again.{n}"), from, 200 - n, &format!("second {n}"))).await;
        }
        let (office, who) = operator(&it, &it.acme.clone()).await;
        let contacts = ask(&office, &who, "contacts:list", json!({})).await;
        assert_eq!(contacts, json!(paged(&office, &who, "contacts:page", &json!({})).await));
        assert_eq!(contacts, serde_json::to_value(it.contacts().await).unwrap());
        assert_eq!(contacts.as_array().unwrap().iter().filter(|one| one["phone"].is_string()).count(), 5);
        let conversations = ask(&office, &who, "conversations:list", json!({})).await;
        assert_eq!(conversations, json!(paged(&office, &who, "conversations:page", &json!({})).await));
        assert_eq!(conversations[0]["lastMessagePreview"], "second 0");
        let messages = paged(&office, &who, "messages:page", &json!({})).await;
        assert_eq!(json!(messages), serde_json::to_value(it.messages().await).unwrap());
        let one = json!({ "conversationId": conversations[0]["_id"] });
        let texts: Vec<_> =
            paged(&office, &who, "messages:page", &one).await.iter().map(|row| row["text"].clone()).collect();
        assert_eq!(texts, ["second 0", "first 0"]);
        let connections = ask(&office, &who, "connections:list", json!({})).await;
        assert_eq!((connections.as_array().unwrap().len(), &connections[0]["account"]), (1, &json!("line")));
        assert_eq!(ask(&office, &who, "subscriptions:list", json!({})).await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn another_organization_and_those_who_are_no_admins_are_shown_nothing() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("wamid.1", person("DE.1", "+491", ""), 100, "to acme")).await;
        let other = create(&it.app, "other").await;
        connect(&it.app, &other, "theirs").await.unwrap();
        let conversation = it.conversations().await[0].id.clone();
        let (office, who) = operator(&it, &other).await;
        for operation in ["contacts:list", "conversations:list", "subscriptions:list"] {
            assert_eq!(ask(&office, &who, operation, json!({})).await, json!([]), "{operation}");
        }
        for operation in ["contacts:page", "conversations:page", "messages:page"] {
            assert!(paged(&office, &who, operation, &json!({})).await.is_empty(), "{operation}");
        }
        let foreign = json!({ "conversationId": conversation, "paginationOpts": { "numItems": 5 } });
        assert_eq!(tag(office.operations.query(&who, "messages:page", foreign).await), "conversation_not_found");
        let connections = ask(&office, &who, "connections:list", json!({})).await;
        assert_eq!((connections.as_array().unwrap().len(), &connections[0]["account"]), (1, &json!("theirs")));
    })
    .await;
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let page = json!({ "paginationOpts": { "numItems": 5 } });
        for (role, customer) in [("staff", None), ("viewer", None), ("client", Some(&acme))] {
            let who = office.member(&owner, role, role, customer).await;
            for operation in ["connections:list", "contacts:list", "conversations:list", "subscriptions:list"] {
                assert_eq!(code(office.ask(&who, operation, json!({})).await), Code::Forbidden, "{operation}");
            }
            for operation in ["contacts:page", "conversations:page", "messages:page"] {
                assert_eq!(code(office.ask(&who, operation, page.clone()).await), Code::Forbidden, "{operation}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_list_of_conversations_moves_when_a_message_comes() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let (office, who) = operator(&it, &it.acme.clone()).await;
        let live = Live::start(&office.operations, LiveOptions::default());
        let mut view = live.view(who);
        let operation = "conversations:list".to_owned();
        view.add(1, QueryRequest { operation, arguments: json!({}), journal: None });
        view.advance(0).await.unwrap();
        it.hear(text("wamid.1", person("DE.1", "+491", ""), 100, "hello")).await;
        timeout(SOON, view.changed()).await.expect("they are told");
        let moment = view.advance(0).await.unwrap();
        let shown = moment.updates[0].shown.outcome.clone().unwrap();
        assert!(shown.contains("hello"), "{shown}");
    })
    .await;
}
