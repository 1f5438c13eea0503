use kernel::Clock;
use provider::messaging::{Change, Content, Delivery, Message, Step};
use testkit::both;

use app::messages::{Direction, Status};

use crate::installation::{Installation, connect, create, echo, person, text};

#[tokio::test]
async fn a_first_message_makes_a_contact_and_a_conversation() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("wamid.1", person("DE.1", "+491", "ada"), 100, &"é".repeat(300))).await;
        let [contact] = &it.contacts().await[..] else { panic!("one contact") };
        assert_eq!((contact.phone.as_deref(), contact.username.as_deref()), (Some("+491"), Some("ada")));
        assert_eq!(contact.identities.len(), 3);
        let [conversation] = &it.conversations().await[..] else { panic!("one conversation") };
        assert_eq!(conversation.contact_id, contact.id);
        assert_eq!(conversation.contact_phone.as_deref(), Some("+491"));
        assert_eq!((conversation.unread_count, conversation.channel.as_str()), (1, "whatsapp"));
        assert_eq!(conversation.last_message_preview, Some("é".repeat(200)));
        let [message] = &it.messages().await[..] else { panic!("one message") };
        assert_eq!((message.direction, message.status), (Direction::Inbound, Status::Received));
        assert_eq!(message.text, Some("é".repeat(300)));
        let json = serde_json::to_value(message).unwrap();
        assert!(json["_id"].as_str().unwrap().starts_with("msg_") && json["_creationTime"].is_i64());
        assert!(json.get("replyTo").is_none() && json.get("sentAt").is_none(), "what is missing is absent");
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_told_twice_changes_nothing() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let ada = person("", "+491", "");
        it.hear(text("wamid.1", ada.clone(), 100, "first")).await;
        it.hear(text("wamid.2", ada.clone(), 200, "second")).await;
        let (contacts, conversations) = (it.contacts().await, it.conversations().await);
        it.hear(text("wamid.1", ada.clone(), 100, "first")).await;
        // Another vendor of the same channel reports the same message.
        let again = Change::Message(Box::new(text("wamid.2", ada, 200, "second")));
        it.app.deliver("other-chat", it.event(vec![again]).about(Some("line"))).await.unwrap();
        it.settle().await;
        assert_eq!((it.contacts().await, it.conversations().await), (contacts, conversations));
        assert_eq!(it.messages().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_late_message_is_counted_and_does_not_take_the_newer_ones_place() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let ada = person("", "+491", "");
        it.hear(text("wamid.2", ada.clone(), 200, "newer")).await;
        it.hear(text("wamid.1", ada, 100, "older")).await;
        let [conversation] = &it.conversations().await[..] else { panic!("one conversation") };
        assert_eq!(conversation.unread_count, 2);
        assert_eq!(conversation.last_message_preview.as_deref(), Some("newer"));
        let texts: Vec<_> = it.messages().await.into_iter().filter_map(|message| message.text).collect();
        assert_eq!(texts, ["newer", "older"]);
    })
    .await;
}

#[tokio::test]
async fn an_echo_of_our_own_is_kept_and_not_unread() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("wamid.1", person("", "+491", ""), 100, "question")).await;
        it.hear(echo("wamid.2", person("", "+491", ""), 101, "answer")).await;
        let [conversation] = &it.conversations().await[..] else { panic!("one conversation") };
        assert_eq!(conversation.unread_count, 1);
        assert_eq!(conversation.last_message_preview.as_deref(), Some("answer"));
        let ours = &it.messages().await[0];
        assert_eq!((ours.direction, ours.status), (Direction::Outbound, Status::Sent));
    })
    .await;
}

#[tokio::test]
async fn what_has_no_words_is_shown_by_its_type() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let media = provider::messaging::Media { id: Some("m1".to_owned()), ..Default::default() };
        let picture = text("wamid.1", person("", "+491", ""), 100, "");
        it.hear(Message { kind: "image".to_owned(), content: Content::Media(media), ..picture }).await;
        assert_eq!(it.conversations().await[0].last_message_preview.as_deref(), Some("[image]"));
        let [message] = &it.messages().await[..] else { panic!("one message") };
        assert_eq!(message.content, serde_json::json!({"id": "m1"}));
        it.hear(text("wamid.2", person("", "+491", ""), 101, "nul\0char")).await;
        assert_eq!(it.messages().await[0].text.as_deref(), Some("nulchar"));
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn steps_go_forward_in_whatever_order_they_are_told() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(echo("wamid.1", person("", "+491", ""), 100, "ours")).await;
        it.step("wamid.1", Step::Read, 103).await;
        it.step("wamid.1", Step::Sent, 101).await;
        it.step("wamid.1", Step::Delivered, 102).await;
        let message = it.messages().await.remove(0);
        assert_eq!(message.status, Status::Read);
        let at = |seconds| Some(kernel::Time::from_seconds(seconds));
        assert_eq!(
            (message.steps.sent_at, message.steps.delivered_at, message.steps.read_at),
            (at(101), at(102), at(103))
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_fails_only_before_it_arrives() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        for (id, steps) in [("lost", [Step::Sent, Step::Failed]), ("arrived", [Step::Delivered, Step::Failed])] {
            it.hear(echo(id, person("", "+491", ""), 100, id)).await;
            for step in steps {
                it.step(id, step, 101).await;
            }
        }
        let status = |id: &str, messages: &[app::messages::Message]| {
            messages.iter().find(|message| message.external_id == id).unwrap().clone()
        };
        let messages = it.messages().await;
        let lost = status("lost", &messages);
        assert_eq!((lost.status, lost.steps.error.as_deref()), (Status::Failed, Some("131026: undeliverable")));
        assert_eq!(status("arrived", &messages).status, Status::Delivered);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_is_told_before_its_message_waits_for_it() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.step("wamid.1", Step::Delivered, 101).await;
        it.step("wamid.1", Step::Delivered, 101).await;
        assert!(it.messages().await.is_empty());
        it.hear(echo("wamid.1", person("", "+491", ""), 100, "ours")).await;
        assert_eq!(it.messages().await[0].status, Status::Delivered);
        it.step("wamid.1", Step::Sent, 100).await;
        assert_eq!(it.messages().await[0].status, Status::Delivered);
    })
    .await;
}

#[tokio::test]
async fn a_step_waits_for_its_message_for_thirty_days_and_no_longer() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let other = create(&it.app, "other").await;
        connect(&it.app, &other, "other-line").await.expect("the line is free");
        let now = it.app.clock.now().seconds();
        let (old, young) = (now - 31 * 86_400, now - 29 * 86_400);
        // More than one batch.
        let many = (0..1200).map(|n| delivered(&format!("old.{n}"), old)).collect();
        it.tell("chat", "line", many).await;
        it.tell("chat", "line", vec![delivered("young", young)]).await;
        it.tell("chat", "other-line", vec![delivered("old", old), delivered("young", young)]).await;

        assert_eq!(it.app.retain().await.get("early-statuses"), Some(&1201));

        for id in ["old.0", "old.1199", "young"] {
            it.hear(echo(id, person("", "+491", ""), now, id)).await;
        }
        for id in ["old", "young"] {
            let ours = Change::Message(Box::new(echo(id, person("", "+491", ""), now, id)));
            it.tell("chat", "other-line", vec![ours]).await;
        }
        let messages = [it.messages().await, app::messages::list(&it.app.db, &other, 10).await.unwrap()].concat();
        assert_eq!(messages.len(), 5);
        for message in messages {
            let expected = if message.external_id == "young" { Status::Delivered } else { Status::Sent };
            assert_eq!(message.status, expected, "{}", message.external_id);
        }
        it.is_healthy().await;
    })
    .await;
}

fn delivered(message: &str, seconds: i64) -> Change {
    let at = Some(kernel::Time::from_seconds(seconds));
    let person = provider::messaging::Person::default();
    Change::Delivery(Delivery { message: message.to_owned(), step: Step::Delivered, at, error: None, person })
}

#[tokio::test]
async fn a_message_from_nobody_is_given_up_with_a_reason() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.hear(text("wamid.1", person("", "", "ada"), 100, "hello")).await;
        let [event] = &it.app.events().await[..] else { panic!("one event") };
        assert_eq!(event.status, "dead");
        assert!(event.error.as_deref().unwrap().contains("person_missing"), "{event:?}");
    })
    .await;
}
