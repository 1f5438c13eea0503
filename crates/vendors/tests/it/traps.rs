//! Differences between vendors that are easily overlooked.

use std::time::Duration;

use kernel::{Secret, Time};
use provider::signature::{Keys, Names, StandardWebhooks};

use crate::{Post, source};

const NOW: Time = Time::from_seconds(1_767_225_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn a_polar_secret_that_looks_like_base64_is_text() {
    let decoded = StandardWebhooks::new(Keys::whsec(std::iter::once(WHSEC), "X").unwrap(), Names::Webhook);
    let post = Post::new(r#"{"type":"order.paid"}"#, NOW);
    let wrong = decoded.sign(&post.request()).iter().fold(post.clone(), |post, (name, value)| post.header(name, value));
    assert!(wrong.verified_by(&*source("polar", WHSEC)).is_err());
    assert!(wrong.verified_by(&*source("generic", WHSEC)).is_ok(), "for others the same secret is base64");
    source("polar", "whsec_text that is not base64");
}

#[test]
fn a_stripe_secret_that_looks_like_base64_is_text() {
    let body = r#"{"id":"evt_1","type":"invoice.paid"}"#;
    let header = |keys: &Keys| {
        let mac = keys.sign(&[NOW.seconds().to_string().as_bytes(), b".", body.as_bytes()]);
        format!("t={},v1={}", NOW.seconds(), data_encoding::HEXLOWER.encode(&mac))
    };
    let sent = |keys: Keys| Post::new(body, NOW).header("Stripe-Signature", &header(&keys));
    let stripe = source("stripe", WHSEC);
    sent(Keys::text(&Secret::new(WHSEC), "X").unwrap()).verified_by(&*stripe).unwrap();
    assert!(sent(Keys::whsec(std::iter::once(WHSEC), "X").unwrap()).verified_by(&*stripe).is_err());
}

#[test]
fn workos_and_hubspot_count_milliseconds_and_the_others_seconds() {
    let digits = |vendor: &str, secret: &str, header: &str| {
        let post = Post::new("[]", NOW).signed_by(&*source(vendor, secret));
        let value = post.headers.get(header).unwrap().to_str().unwrap().trim_start_matches("t=").to_owned();
        value.split(',').next().unwrap().to_owned()
    };
    assert_eq!(digits("workos", "s", "WorkOS-Signature"), "1767225600000");
    assert_eq!(digits("hubspot", "s", "X-HubSpot-Request-Timestamp"), "1767225600000");
    assert_eq!(digits("stripe", "s", "Stripe-Signature"), "1767225600");
    assert_eq!(digits("polar", "s", "webhook-timestamp"), "1767225600");
    assert_eq!(digits("clerk", WHSEC, "svix-timestamp"), "1767225600");
    // A correctly signed time in seconds is fifty years old for a vendor that counts milliseconds.
    let mac = Keys::text(&Secret::new("s"), "X").unwrap().sign(&[b"1767225600.[]"]);
    let header = format!("t=1767225600, v1={}", data_encoding::HEXLOWER.encode(&mac));
    let error =
        Post::new("[]", NOW).header("WorkOS-Signature", &header).verified_by(&*source("workos", "s")).unwrap_err();
    assert_eq!(error.tag, "signature_stale");
}

#[test]
fn workos_signs_the_bytes_that_arrive_and_not_what_they_mean() {
    let workos = source("workos", "s");
    let spaced = Post::new(r#"{ "id": "event_1", "event": "user.created" }"#, NOW).signed_by(&*workos);
    spaced.verified_by(&*workos).unwrap();
    let mut compact = spaced.clone();
    compact.body = r#"{"id":"event_1","event":"user.created"}"#.into();
    assert!(compact.verified_by(&*workos).is_err());
}

#[test]
fn a_sendgrid_body_is_an_array_whose_last_line_break_is_signed() {
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0Bzc/hda6t8K5cI39eAs2WOQ6/+5OWR5WW9cj7/GpHflsrz9gWRUzcX+mElxt23Ng0Ak9/GGIHo0JK6GIzOfTw==";
    let body = "[{\"email\":\"example@test.com\",\"timestamp\":1513299569,\"event\":\"delivered\",\"sg_event_id\":\"ev1\",\"sg_message_id\":\"m1\"}]\r\n";
    let sendgrid = source("sendgrid", key);
    let sent = |body: &'static str| {
        Post::new(body, Time::from_seconds(1_600_112_502))
            .header("X-Twilio-Email-Event-Webhook-Timestamp", "1600112502")
            .header(
                "X-Twilio-Email-Event-Webhook-Signature",
                "MEYCIQDymqktGtDf4w1rMPnPDt+kieAs3INnJ6uBKqBRN+Z01gIhAMwzS2DE5VHMs+Us4TlDrCj6ZtJbPPoWI7kcH1mVVqtn",
            )
    };
    sent(body).verified_by(&*sendgrid).unwrap();
    assert!(sent(body.trim_end()).verified_by(&*sendgrid).is_err(), "a trimmed body is another body");
    let [event] = &sent(body).events_of(&*sendgrid)[..] else { panic!("one event") };
    assert_eq!((event.external_id.as_str(), event.kind.as_str()), ("ev1", "delivered"));
    assert_eq!(event.payload, body.trim_end().trim_matches(['[', ']']));
}

#[test]
fn a_signature_without_a_time_never_ages_and_a_replay_is_known_by_its_id() {
    for (vendor, body, id) in [
        (
            "whatsapp",
            r#"{"entry":[{"id":"0","changes":[{"field":"messages","value":{"messages":[{"id":"wamid.1"}]}}]}]}"#,
            Some("wamid.1"),
        ),
        ("kapso", r#"{"message":{"id":"wamid.1","kapso":{"direction":"inbound"}}}"#, Some("wamid.1")),
        ("lemon-squeezy", r#"{"meta":{"event_name":"order_created"},"data":{"id":"1"}}"#, None),
    ] {
        let source = source(vendor, "secret");
        let sent = Post::new(body, NOW).signed_by(&*source);
        let replay = sent.clone().at(NOW + WEEK);
        replay.verified_by(&*source).unwrap();
        let (first, again) = (sent.events_of(&*source).remove(0), replay.events_of(&*source).remove(0));
        assert_eq!(first.external_id, again.external_id, "{vendor}");
        assert!(id.is_none_or(|id| id == first.external_id), "{vendor}");
    }
}

#[test]
fn the_name_of_a_lemon_squeezy_event_comes_from_the_signed_body_and_not_from_a_header() {
    let lemon = source("lemon-squeezy", "secret");
    let sent = Post::new(r#"{"meta":{"event_name":"order_refunded"}}"#, NOW).signed_by(&*lemon);
    let events = sent.header("X-Event-Name", "order_created").events_of(&*lemon);
    assert_eq!(events[0].kind, "order_refunded");
}

#[test]
fn the_signatures_of_a_supabase_hook_are_joined_by_comma_and_space() {
    let [first, second] = [
        "v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi",
        "v1,whsec_c2Vjb25kLWhvb2stc2VjcmV0LTAxMjM0NTY3ODlhYmNk",
    ];
    let post = Post::new(r#"{"user":{"id":"u1"}}"#, NOW).header("webhook-id", "attempt-1");
    let signature = |secret: &str| {
        let signed = post.clone().signed_by(&*source("supabase", secret));
        signed.headers.get("webhook-signature").unwrap().to_str().unwrap().to_owned()
    };
    let joined = format!("{}, {}", signature(first), signature(second));
    let sent = post.clone().signed_by(&*source("supabase", first)).header("webhook-signature", &joined);
    for secrets in [first, second, &format!("{first}|{second}"), &format!("{second},{first}")] {
        sent.verified_by(&*source("supabase", secrets)).unwrap();
    }
}

#[test]
fn a_supabase_hook_has_a_new_webhook_id_on_every_attempt_and_is_one_event() {
    let supabase = source("supabase", "v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi");
    let attempt = |id: &str| Post::new(r#"{"user":{"id":"u1"}}"#, NOW).header("webhook-id", id).events_of(&*supabase);
    assert_eq!(attempt("attempt-1")[0].external_id, attempt("attempt-2")[0].external_id);
}

#[test]
fn pipedrive_signs_nothing_so_that_its_credentials_are_everything() {
    let pipedrive = source("pipedrive", "hook:s3cret");
    let sent = Post::new("{}", NOW).signed_by(&*pipedrive);
    let mut other = sent.clone();
    other.body = r#"{"meta":{"action":"delete","entity":"deal"}}"#.into();
    other.verified_by(&*pipedrive).unwrap();
    for wrong in ["Basic aG9vazpzM2NyZXR=", "Basic aG9vazpzM2NyZQ==", "basic aG9vazpzM2NyZXQ=", "aG9vazpzM2NyZXQ=", ""]
    {
        assert!(sent.clone().header("Authorization", wrong).verified_by(&*pipedrive).is_err(), "{wrong}");
    }
}

#[test]
fn hubspot_signs_the_public_address_so_that_the_inner_one_of_a_proxy_does_not_do() {
    let hubspot = source("hubspot", "secret");
    let sent = Post::new("[]", NOW).signed_by(&*hubspot);
    sent.verified_by(&*hubspot).unwrap();
    for url in ["http://hooks.example.com/webhooks/vendor", "http://127.0.0.1:3000/webhooks/vendor"] {
        let mut inner = sent.clone();
        url.clone_into(&mut inner.url);
        assert!(inner.verified_by(&*hubspot).is_err(), "{url}");
    }
}
