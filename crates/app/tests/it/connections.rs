use app::{conversations, organizations};
use kernel::Code;
use provider::messaging::Change;
use testkit::both;

use crate::installation::{Installation, connect, create, person, text};

#[tokio::test]
async fn a_message_that_came_before_its_connection_is_handled_when_that_is_added() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let hello = text("wamid.1", person("", "+491", ""), 100, "hello");
        it.tell("chat", "later", vec![Change::Message(Box::new(hello))]).await;
        assert_eq!(it.app.count("unresolved").await, 1);
        let connection = connect(&it.app, &it.acme, "later").await.unwrap();
        it.app.run_jobs().await;
        assert_eq!(it.app.count("processed").await, 1);
        let conversations = it.conversations().await;
        assert_eq!(conversations[0].connection_id.as_deref(), Some(connection.id.as_str()));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_is_connected_is_refused_and_nobody_learns_whose_it_is() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let other = create(&it.app, "other").await;
        let foreign = connect(&it.app, &other, "line").await.unwrap_err();
        let own = connect(&it.app, &it.acme, "line").await.unwrap_err();
        assert_eq!((foreign.code, foreign.tag), (Code::Conflict, "account_taken"));
        assert_eq!(foreign.message, own.message);
        assert_eq!(foreign.facts(), []);
        assert!(app::connections::list(&it.app.db, &other).await.unwrap().is_empty(), "nothing was kept");
    })
    .await;
}

#[tokio::test]
async fn two_organizations_see_nothing_of_each_other() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let other = create(&it.app, "other").await;
        connect(&it.app, &other, "theirs").await.unwrap();
        let ada = person("DE.1", "+491", "");
        it.hear(text("wamid.1", ada.clone(), 100, "to acme")).await;
        let to_other = text("wamid.2", ada, 101, "to the other");
        it.tell("chat", "theirs", vec![Change::Message(Box::new(to_other))]).await;
        let theirs = conversations::list(&it.app.db, &other, 10).await.unwrap();
        let ours = it.conversations().await;
        assert_eq!((ours.len(), theirs.len()), (1, 1));
        assert_eq!(ours[0].last_message_preview.as_deref(), Some("to acme"));
        assert_eq!(theirs[0].last_message_preview.as_deref(), Some("to the other"));
        assert_ne!(ours[0].contact_id, theirs[0].contact_id);
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn an_external_id_is_one_organizations() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let again = |name: &str| organizations::CreateOrganization {
            name: app::Name::parse("Again").unwrap(),
            external_ids: vec![organizations::ExternalId { provider: "elsewhere".to_owned(), id: name.to_owned() }],
        };
        let taken = organizations::create(&it.app.db, &it.app.world, again("acme")).await.unwrap_err();
        assert_eq!(taken.tag, "external_id_taken");
        let stolen = organizations::create(&it.app.db, &it.app.world, again(it.acme.as_str())).await.unwrap_err();
        assert_eq!(stolen.tag, "external_id_taken", "an id of ours is no name for another");
        let same = organizations::ensure(&it.app.db, &it.app.world, again("acme")).await.unwrap();
        assert_eq!(same.id, it.acme);
        assert_eq!(organizations::list(&it.app.db).await.unwrap().len(), 1);
    })
    .await;
}
