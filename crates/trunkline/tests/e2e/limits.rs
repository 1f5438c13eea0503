//! Requests that are too large, too slow, or malformed.

use std::io::{BufReader, Write};

use crate::{
    harness::{Answer, Node, Request, both, pause, read, sqlite},
    payloads,
    vendors::{GENERIC, KAPSO, WHATSAPP},
};

const MIB: usize = 1 << 20;

fn padded(length: usize) -> String {
    let frame = r#"{"type":"large","data":""}"#.len();
    format!(r#"{{"type":"large","data":"{}"}}"#, "x".repeat(length - frame))
}

#[test]
fn a_body_may_have_a_mebibyte_and_not_a_byte_more() {
    both(|installation| {
        let installation = GENERIC.on(installation);
        let node = installation.start();
        assert_eq!(node.send(&GENERIC.send(padded(MIB))).status, 200);
        too_large(&node.send(&GENERIC.send(padded(MIB + 1))));
        too_large(&chunked(&node, &padded(MIB + 1)));
        assert_eq!(installation.events().len(), 1);
    });
}

fn too_large(answer: &Answer) {
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["tag"], "body_too_large");
}

/// Sends a body without an announced length.
fn chunked(node: &Node, body: &str) -> Answer {
    let mut stream = node.client().connect().expect("the node accepts");
    let signed = GENERIC.send(body);
    let mut head = String::from("POST /webhooks/generic HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n");
    for (name, value) in &signed.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let chunk = format!("{head}\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    // The node may close the connection while it still receives.
    stream.write_all(chunk.as_bytes()).unwrap_or_default();
    read(&mut BufReader::new(stream)).expect("an answer")
}

#[test]
fn a_body_in_chunks_is_a_body_like_any_other() {
    sqlite(|installation| {
        let node = GENERIC.on(installation).start();
        assert_eq!(chunked(&node, &padded(1000)).json()["status"], "accepted");
    });
}

#[test]
fn whatsapp_and_kapso_may_send_three_mebibytes() {
    sqlite(|installation| {
        let installation = KAPSO.on(WHATSAPP.on(installation));
        let node = installation.start();
        for vendor in [WHATSAPP, KAPSO] {
            let frame = payloads::message("1", "491701234567", "wamid.LARGE", "").len();
            let body =
                |length: usize| payloads::message("1", "491701234567", "wamid.LARGE", &"x".repeat(length - frame));
            assert_eq!(node.send(&vendor.send(body(3 * MIB))).json()["status"], "accepted", "{}", vendor.id);
            too_large(&node.send(&vendor.send(body(3 * MIB + 1))));
        }
    });
}

#[test]
fn the_limit_is_a_setting() {
    sqlite(|installation| {
        let node = GENERIC.on(installation).with("TRUNKLINE_BODY_LIMIT", "1000").start();
        assert_eq!(node.send(&GENERIC.send(padded(1000))).status, 200);
        too_large(&node.send(&GENERIC.send(padded(1001))));
    });
}

#[test]
fn a_body_that_does_not_arrive_in_time_is_given_up() {
    sqlite(|installation| {
        let installation = GENERIC.on(installation);
        let node = installation.start();
        let mut stream = node.client().connect().expect("the node accepts");
        let request = GENERIC.event();
        stream.write_all(request.head().as_bytes()).expect("the node reads");
        stream.write_all(&request.body[..10]).expect("the node reads");
        let answer = read(&mut BufReader::new(stream)).expect("an answer");
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert_eq!(answer.json()["tag"], "body_too_slow");
        assert!(installation.events().is_empty());
        assert_eq!(node.send(&request).status, 200, "the same event, sent properly");
    });
}

#[test]
fn strangers_who_write_nonsense_or_hang_up_disturb_nobody() {
    sqlite(|installation| {
        let installation = GENERIC.on(installation);
        let node = installation.start();
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(100_000));
        let half = GENERIC.event().head();
        let writings: [&[u8]; 6] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"POST /webhooks/generic HTTP/1.1\r\ncontent-length: minus one\r\n\r\n",
            b"POST /webhooks/generic HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            endless.as_bytes(),
            half.as_bytes(),
        ];
        for writing in writings {
            let mut stream = node.client().connect().expect("the node accepts");
            stream.write_all(writing).unwrap_or_default();
            pause(20);
        }
        assert_eq!(node.send(&GENERIC.event()).json()["status"], "accepted");
        assert_eq!(installation.events().len(), 1);
    });
}

#[test]
fn several_requests_share_a_connection() {
    sqlite(|installation| {
        let node = GENERIC.on(installation).start();
        let mut client = node.client();
        for at in 0..20 {
            let event = GENERIC.send(format!(r#"{{"type":"number.{at}"}}"#));
            assert_eq!(client.send(&event).json()["status"], "accepted");
            assert_eq!(client.send(&Request::get("/health/live")).status, 200);
        }
    });
}
