//! The requests by which vendors check that an address belongs to us.

use crate::{
    harness::{Answer, sqlite},
    vendors::{KAPSO, WHATSAPP},
};

const PATHS: [&str; 2] = ["/webhooks/whatsapp", "/api/webhooks/whatsapp"];
const KAPSO_PATHS: [&str; 2] = ["/webhooks/kapso", "/api/webhook/kapso"];

fn is_plain(answer: &Answer, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (200, text));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn whatsapp_is_answered_when_it_shows_the_token() {
    sqlite(|installation| {
        let node = WHATSAPP.on(installation).with("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "our token").start();
        for path in PATHS {
            let ask = |query: &str| node.get(&format!("{path}?{query}"));
            is_plain(&ask("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=our%20token"), "1158201444");
            for wrong in [
                "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=their%20token",
                "hub.mode=subscribe&hub.challenge=1158201444",
                "hub.mode=unsubscribe&hub.challenge=1158201444&hub.verify_token=our%20token",
                "hub.challenge=1158201444&hub.verify_token=our%20token",
                "",
            ] {
                let answer = ask(wrong);
                assert_eq!(answer.status, 403, "{wrong}");
                assert!(!answer.text().contains("1158201444") && !answer.text().contains("our token"));
            }
            let markup = ask("hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=our%20token");
            assert_eq!(markup.status, 400, "what is echoed must be harmless");
        }
    });
}

#[test]
fn whatsapp_without_a_token_hears_which_setting_is_missing() {
    sqlite(|installation| {
        let node = WHATSAPP.on(installation).start();
        for path in PATHS {
            let answer = node.get(&format!("{path}?hub.mode=subscribe&hub.challenge=1&hub.verify_token="));
            assert_eq!(answer.status, 503);
            assert!(answer.text().contains("WHATSAPP_WEBHOOK_VERIFY_TOKEN"), "{}", answer.text());
        }
    });
}

#[test]
fn kapso_is_answered_under_either_name_when_it_shows_the_token() {
    sqlite(|installation| {
        let node = KAPSO.on(installation).with("KAPSO_WEBHOOK_VERIFY_TOKEN", "token-1").start();
        for path in KAPSO_PATHS {
            is_plain(&node.get(&format!("{path}?hub.challenge=abc&hub.verify_token=token-1")), "abc");
            is_plain(&node.get(&format!("{path}?challenge=abc&verify_token=token-1")), "abc");
            assert_eq!(node.get(&format!("{path}?challenge=abc&verify_token=token-2")).status, 403);
            assert_eq!(node.get(&format!("{path}?challenge=abc")).status, 403);
        }
    });
}

#[test]
fn kapso_without_a_token_is_always_answered() {
    sqlite(|installation| {
        let node = KAPSO.on(installation).start();
        for path in KAPSO_PATHS {
            is_plain(&node.get(&format!("{path}?challenge=abc")), "abc");
            assert_eq!(node.get(path).status, 400, "a challenge without a challenge");
        }
    });
}
