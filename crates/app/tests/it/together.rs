use provider::messaging::Change;
use testkit::both;

use crate::installation::{Installation, person, text};

#[tokio::test]
async fn sixty_four_first_messages_at_once_are_one_contact_and_one_conversation() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        // Without a lane, only the database keeps them apart.
        let events = (0..64)
            .map(|n| text(&format!("wamid.{n}"), person("DE.1", "+491", "ada"), 100 + n, "at once"))
            .map(|message| it.event(vec![Change::Message(Box::new(message))]).about(Some("line")))
            .collect();
        it.app.deliver_all("chat", events).await.unwrap();
        it.settle().await;
        it.is_healthy().await;
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!(contact.identities.len(), 3);
        let [conversation] = &it.conversations().await[..] else { panic!("one conversation") };
        assert_eq!(conversation.unread_count, 64);
        assert_eq!(it.messages().await.len(), 64);
    })
    .await;
}

#[tokio::test]
async fn many_people_at_once_on_two_nodes_have_a_conversation_each() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let events = (0..120)
            .map(|n| text(&format!("wamid.{n}"), person("", &format!("+49{}", n % 40), ""), 100 + n, "at once"))
            .map(|message| it.event(vec![Change::Message(Box::new(message))]).about(Some("line")))
            .collect();
        it.app.deliver_all("chat", events).await.unwrap();
        let node = it.app.node(&database, 2).await;
        tokio::join!(node.run_jobs(), it.app.run_jobs());
        it.settle().await;
        it.is_healthy().await;
        let conversations = it.conversations().await;
        assert_eq!((it.contacts().await.len(), conversations.len()), (40, 40));
        assert!(conversations.iter().all(|conversation| conversation.unread_count == 3));
    })
    .await;
}
