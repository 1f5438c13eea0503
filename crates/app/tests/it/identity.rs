use app::contacts;
use kernel::Time;
use provider::messaging::{Change, Delivery, Person, Renamed, Step};
use testkit::both;

use crate::installation::{Installation, echo, person, text};

fn renamed(before: Person, after: Person, seconds: i64) -> Vec<Change> {
    vec![Change::Renamed(Box::new(Renamed { before, after, at: Some(Time::from_seconds(seconds)) }))]
}

fn values(contact: &contacts::Contact) -> Vec<&str> {
    contact.identities.iter().map(|identity| identity.value.as_str()).collect()
}

#[tokio::test]
async fn a_person_is_known_by_the_id_first_and_by_the_number_second() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("", "+491", ""), 100, "by number")).await;
        it.hear(text("2", person("DE.1", "+491", ""), 101, "by both")).await;
        it.hear(text("3", person("DE.1", "", ""), 102, "by id, the number is hidden now")).await;
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!(values(contact), ["+491", "DE.1"]);
        assert_eq!(it.conversations().await[0].unread_count, 3);
    })
    .await;
}

#[tokio::test]
async fn two_contacts_that_turn_out_to_be_one_person_are_merged() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("", "+491", ""), 100, "by number")).await;
        it.app.clock.advance(testkit::seconds(1));
        it.hear(text("2", person("DE.1", "", ""), 101, "by id")).await;
        let older = it.contacts().await.remove(1);
        assert_eq!((it.contacts().await.len(), it.conversations().await.len()), (2, 2));
        it.hear(text("3", person("DE.1", "+491", ""), 102, "by both")).await;
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!(contact.id, older.id, "the older contact is kept");
        let [conversation] = &it.conversations().await[..] else { panic!("one conversation") };
        assert_eq!((conversation.unread_count, conversation.contact_id.clone()), (3, older.id));
        assert_eq!(conversation.last_message_preview.as_deref(), Some("by both"));
        assert!(it.messages().await.iter().all(|message| message.conversation_id == conversation.id));
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn a_merge_can_be_undone_and_is_not_made_again() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("", "+491", ""), 100, "by number")).await;
        it.app.clock.advance(testkit::seconds(1));
        it.hear(text("2", person("DE.1", "", ""), 101, "by id")).await;
        let before = (it.contacts().await, it.conversations().await);
        let delivery = Delivery {
            message: "unknown".to_owned(),
            step: Step::Sent,
            at: None,
            error: None,
            person: Person { name: None, ..person("DE.1", "+491", "") },
        };
        it.tell("chat", "line", vec![Change::Delivery(delivery)]).await;
        assert_eq!(it.contacts().await.len(), 1, "a delivery tells it too");
        let (db, world) = (&it.app.db, &it.app.world);
        let merge = contacts::merges(db, &it.acme, 10).await.unwrap().remove(0);
        contacts::unmerge(db, world, &it.acme, &merge.id).await.unwrap();
        let names = |contacts: &[contacts::Contact]| {
            contacts.iter().map(|c| (c.id.clone(), values(c).join(" "))).collect::<Vec<_>>()
        };
        assert_eq!(names(&it.contacts().await), names(&before.0));
        assert_eq!(it.conversations().await, before.1);
        let again = contacts::unmerge(db, world, &it.acme, &merge.id).await.unwrap_err();
        assert_eq!(again.tag, "merge_undone");
        it.hear(text("3", person("DE.1", "+491", ""), 102, "by both")).await;
        assert_eq!(it.contacts().await.len(), 2, "somebody said that these are two people");
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn a_new_number_with_a_new_id_is_the_same_person() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("DE.1", "+491", ""), 100, "before")).await;
        it.tell("chat", "line", renamed(person("DE.1", "+491", ""), person("DE.2", "+492", ""), 200)).await;
        it.hear(text("2", person("DE.2", "", ""), 300, "after")).await;
        it.hear(text("3", person("DE.1", "+491", ""), 150, "late, from before")).await;
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!(values(contact), ["DE.2", "+492"]);
        it.hear(text("4", person("DE.9", "+491", ""), 400, "somebody else has the old number")).await;
        assert_eq!(it.contacts().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn news_of_a_new_id_that_come_late_join_what_was_written_since() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("DE.1", "", ""), 100, "before")).await;
        it.hear(text("2", person("DE.2", "", ""), 300, "after")).await;
        assert_eq!(it.contacts().await.len(), 2);
        for _ in 0..2 {
            it.tell("chat", "line", renamed(person("DE.1", "", ""), person("DE.2", "", ""), 200)).await;
        }
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!(values(contact), ["DE.2"]);
        assert_eq!(it.conversations().await[0].unread_count, 2);
    })
    .await;
}

#[tokio::test]
async fn a_username_tells_nothing_and_is_whoevers_shows_it_last() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("1", person("DE.1", "", "ada"), 100, "first")).await;
        it.hear(text("2", person("DE.2", "", "ada"), 200, "second")).await;
        let usernames: Vec<_> = it.contacts().await.into_iter().map(|contact| contact.username).collect();
        assert_eq!(usernames, [Some("ada".to_owned()), None], "newest first");
        it.hear(text("3", person("DE.1", "", "ada"), 150, "late")).await;
        assert_eq!(it.contacts().await[0].username.as_deref(), Some("ada"));
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn an_echo_and_an_answer_meet_in_one_conversation() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(echo("1", person("", "+491", ""), 100, "we begin")).await;
        it.hear(text("2", person("DE.1", "+491", ""), 101, "they answer")).await;
        assert_eq!((it.contacts().await.len(), it.conversations().await.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_older_name_does_not_come_back() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let called = |name: &str| Person { name: Some(name.to_owned()), ..person("DE.1", "", "") };
        it.hear(text("1", called("New"), 200, "new")).await;
        it.hear(text("2", called("Old"), 100, "late")).await;
        assert_eq!(it.contacts().await[0].name.as_deref(), Some("New"));
        it.hear(text("3", called("Newer"), 300, "newer")).await;
        assert_eq!(it.contacts().await[0].name.as_deref(), Some("Newer"));
    })
    .await;
}
