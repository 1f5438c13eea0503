use std::sync::{Arc, Mutex};

use provider::messaging::Change;
use testkit::{both, sqlite};

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

/// Returns the contacts, and the messages of each conversation, as sorted texts without our own ids.
async fn everything(it: &Installation) -> (Vec<String>, Vec<String>) {
    let contacts = it.contacts().await;
    let mut people: Vec<_> = contacts
        .iter()
        .map(|contact| {
            let mut identities: Vec<_> =
                contact.identities.iter().map(|identity| format!("{:?} {}", identity.kind, identity.value)).collect();
            identities.sort();
            format!("{:?} {identities:?}", contact.name)
        })
        .collect();
    people.sort();
    let messages = it.messages().await;
    let mut conversations: Vec<_> = it
        .conversations()
        .await
        .into_iter()
        .map(|conversation| {
            let of_it = messages.iter().filter(|message| message.conversation_id == conversation.id);
            let mut ids: Vec<_> = of_it.map(|message| message.external_id.as_str()).collect();
            ids.sort_unstable();
            format!("{} {:?} {ids:?}", conversation.unread_count, conversation.last_message_preview)
        })
        .collect();
    conversations.sort();
    (people, conversations)
}

/// Returns messages whose senders share some identities and change names and usernames; some messages are sent twice.
fn tangle(seed: u64) -> Vec<provider::messaging::Message> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..90_u32)
        .map(|n| {
            let who = next(12);
            let bsuid = if who % 3 == 0 { String::new() } else { format!("DE.{}", who % 7) };
            let phone = if who % 4 == 1 && !bsuid.is_empty() { String::new() } else { format!("+49{who}") };
            let username = if next(6) == 0 { format!("user{}", who % 5) } else { String::new() };
            let mut person = person(&bsuid, &phone, &username);
            person.name = Some(if next(8) == 0 { format!("New {who}") } else { format!("Old {who}") });
            let id = if n > 0 && next(10) == 0 { next(n.into()) } else { n.into() };
            text(&format!("wamid.{id}"), person, 100 + i64::from(n), &format!("message {n}"))
        })
        .collect()
}

#[tokio::test]
async fn messages_that_come_together_say_the_same_as_one_after_the_other() {
    for seed in 1..=4 {
        let one_by_one = Arc::new(Mutex::new(Default::default()));
        let told = one_by_one.clone();
        sqlite(|database| async move {
            let it = Installation::start(&database).await;
            for message in tangle(seed) {
                it.hear(message).await;
            }
            *told.lock().unwrap() = everything(&it).await;
        })
        .await;
        let expected = one_by_one.lock().unwrap().clone();
        both(|database| {
            let expected = expected.clone();
            async move {
                let it = Installation::start(&database).await;
                let events = tangle(seed)
                    .into_iter()
                    .map(|message| it.event(vec![Change::Message(Box::new(message))]).about(Some("line")))
                    .collect();
                it.app.deliver_all("chat", events).await.unwrap();
                it.settle().await;
                it.is_healthy().await;
                assert_eq!(everything(&it).await, expected, "seed {seed}");
            }
        })
        .await;
    }
}
