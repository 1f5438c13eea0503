//! Hostile clients harm only themselves. A watcher stays connected during all of it.

use std::{iter, time::Duration};

use serde_json::{Value, json};
use testkit::sqlite;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    playground::Playground,
    socket::{Raw, Watcher, frame, head, hello, text, watch},
};

/// The number of megabytes by which the server's memory may grow, whatever clients do.
const GROWTH: u64 = 300;

/// Clients reconnect after this code: the message was not part of the protocol.
const PROTOCOL: u16 = 1011;
const TOO_LONG: u16 = 1009;

#[tokio::test]
async fn what_is_not_of_the_protocol_ends_the_connection_that_it_came_on_and_no_other() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let mut watcher = Watcher::open(&playground, "live").await;
        for (what, bytes) in nonsense() {
            let raw = Raw::open(&playground).await;
            assert_eq!(raw.end_after([bytes]).await, Some(PROTOCOL), "{what}");
            watcher.lives().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_says_too_much_is_cut_early_and_costs_nothing() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let mut watcher = Watcher::open(&playground, "live").await;
        let before = playground.most_memory();
        for _ in 0..3 {
            for (what, expected, bytes) in floods() {
                let raw = Raw::open(&playground).await;
                assert_eq!(raw.end_after(bytes).await, Some(expected), "{what}");
                watcher.lives().await;
            }
        }
        let grown = playground.most_memory() - before;
        assert!(grown < GROWTH, "the server needed {grown} MB more");
    })
    .await;
}

#[tokio::test]
async fn odd_but_harmless_messages_are_answered() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let echo = |id: u32, v: Value| json!({ "type": "Add", "queryId": id, "udfPath": "util:echo", "args": [v] });
        let odd = [
            // Of two modifications with one number, the last one counts.
            json!([echo(0, json!({ "v": 1 })), echo(0, json!({ "v": "last" }))]),
            json!([{ "type": "Remove", "queryId": 7 }, echo(0, json!({ "v": "last" }))]),
            json!([echo(1, json!({ "v": 1, "unknown": 1 })), echo(2, json!(5)), echo(0, json!({ "v": "last" }))]),
            json!([{ "type": "Add", "queryId": 1, "udfPath": "", "args": [] }, echo(0, json!({ "v": "last" }))]),
            json!([{ "type": "Add", "queryId": 1, "udfPath": "x".repeat(1 << 20) }, echo(0, json!({ "v": "last" }))]),
            json!([echo(u32::MAX, json!({ "v": 1 })), echo(0, json!({ "v": "last" }))]),
        ];
        for modifications in odd {
            let mut watcher = Watcher::open(&playground, "odd").await;
            watcher.change(modifications).await;
            watcher.sees(&json!("last")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_never_ends_a_handshake_is_not_waited_for() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let mut watcher = Watcher::open(&playground, "live").await;
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..200 {
            let mut stream = TcpStream::connect(playground.address).await.expect("a connection opens");
            waiting.spawn(async move {
                let begin: &[u8] = if number % 4 == 0 { b"" } else { b"GET /api/1.48.0/sync HTTP/1.1\r\nhost: x\r\n" };
                stream.write_all(begin).await.unwrap_or_default();
                let (mut reader, mut writer) = stream.into_split();
                // One half sends a byte now and then, the other half nothing.
                let drip = async {
                    while number % 2 == 0 && number % 4 != 0 && writer.write_all(b"x").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                    std::future::pending::<()>().await;
                };
                let mut said = Vec::new();
                tokio::select! {
                    () = drip => {}
                    _ = reader.read_to_end(&mut said) => {}
                }
            });
        }
        watcher.lives().await;
        let all = async { while waiting.join_next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(100), all).await.expect("all of them are sent away");
        watcher.lives().await;
    })
    .await;
}

/// Returns bytes that no client sends, with their description.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let after_hello = |bytes: Vec<u8>| [text(&hello()), bytes].concat();
    let says = |message: &str| after_hello(frame(0x81, message.as_bytes()));
    let told = |message: &Value| says(&message.to_string());
    let modify = |base: Value, new: Value| json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": new, "modifications": [] });
    let mutate = |id: &str| format!(r#"{{"type":"Mutation","requestId":{id},"udfPath":"kv:set","args":[{{}}]}}"#);
    let sign_in = |base: u32| json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "None" });
    let mut strange = hello();
    strange["sessionId"] = json!("' or 1=1");
    let mut from_nowhere = hello();
    from_nowhere["maxObservedTimestamp"] = json!("yesterday");
    let add = json!({ "type": "Add", "queryId": -1, "udfPath": "kv:get", "args": [{ "key": "x" }] });
    let negative =
        json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [add] }).to_string();
    vec![
        ("nothing", says("")),
        ("half of it", says("{")),
        ("no object", says("[]")),
        ("no message", says("null")),
        ("two messages", says(r#"{"type":"Event"}{"type":"Event"}"#)),
        ("a message without a type", says("{}")),
        ("an unknown type", says(r#"{"type":"Unheard"}"#)),
        ("a type that is none", says(r#"{"type":{}}"#)),
        ("half a character", says(r#"{"type":"\ud800"}"#)),
        ("a deep message", says(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))),
        ("deep arguments", says(&mutate("0").replace("{}", &format!("{}{}", "[".repeat(9000), "]".repeat(9000))))),
        ("a number beyond all", says(&mutate("1e400"))),
        ("a number that is too large", says(&mutate("4294967296"))),
        ("a number that is negative", says(&mutate("-1"))),
        ("a number that is not whole", says(&mutate("1.5"))),
        ("a query with a negative number", says(&negative)),
        ("a query set out of order", told(&modify(json!(5), json!(6)))),
        ("a query set that stays where it is", told(&modify(json!(0), json!(0)))),
        ("a query set that goes back", told(&modify(json!(0), json!(-1)))),
        ("a version as text", told(&modify(json!("0"), json!("1")))),
        ("an identity out of order", told(&sign_in(3))),
        ("a second hello", told(&hello())),
        ("no hello", text(&watch("kv:get", &json!({ "key": "x" })))),
        ("a session that is none", text(&strange)),
        ("a moment that is none", text(&from_nowhere)),
        ("a binary message", after_hello(frame(0x82, b"{}"))),
        ("what is no UTF-8", after_hello(frame(0x81, b"\xff\xfe"))),
        ("a frame of a kind that is not", after_hello(frame(0x83, b"{}"))),
        ("reserved bits", after_hello(frame(0xf1, b"{}"))),
        ("the rest of nothing", after_hello(frame(0x80, b"{}"))),
        ("a second beginning", after_hello([frame(0x01, b"{"), frame(0x81, b"{}")].concat())),
        ("a long ping", after_hello(frame(0x89, &[0; 200]))),
        ("a ping in parts", after_hello(frame(0x09, b""))),
        ("an unmasked frame", after_hello(vec![0x81, 2, b'{', b'}'])),
    ]
}

type Bytes = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// Returns floods of messages, with the close code that ends them.
fn floods() -> Vec<(&'static str, u16, Bytes)> {
    const MEGABYTE: usize = 1 << 20;
    let begin = |first: Vec<u8>| iter::once([text(&hello()), first].concat());
    let echo = |v: &str| {
        let modification = format!(r#"{{"type":"Add","queryId":0,"udfPath":"util:echo","args":[{{"v":{v}}}]}}"#);
        let modify = r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":["#;
        frame(0x81, format!("{modify}{modification}]}}").as_bytes())
    };
    let many = (0..20_000).map(|id| json!({ "type": "Add", "queryId": id, "udfPath": "kv:get", "args": [{}] }));
    let many: Vec<_> = many.collect();
    let many = json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": many });
    let letters = || iter::repeat_n(vec![b'x'; MEGABYTE], 100);
    let parts = iter::repeat_with(|| frame(0x00, &[b'x'; MEGABYTE])).take(100);
    vec![
        ("100 MB at once", TOO_LONG, Box::new(begin(head(0x81, 100 << 20)).chain(letters()))),
        ("100 MB in parts", TOO_LONG, Box::new(begin(frame(0x01, b"\"")).chain(parts))),
        ("the announcement of more than there is", TOO_LONG, Box::new(begin(head(0x81, u64::MAX >> 1)))),
        ("millions of numbers", TOO_LONG, Box::new(begin(echo(&format!("[{}0]", "0,".repeat(7 * MEGABYTE)))))),
        ("millions of objects", TOO_LONG, Box::new(begin(echo(&format!("[{}0]", r#"{"a":0},"#.repeat(MEGABYTE)))))),
        ("twenty thousand queries", TOO_LONG, Box::new(begin(text(&many)))),
    ]
}
