//! Hostile clients harm only themselves.

use std::time::Duration;

use engine::LiveOptions;
use serde_json::json;
use testkit::{TestDb, both, milliseconds, sqlite};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    client::{Client, SESSION},
    product::Product,
};

async fn watcher(product: &Product) -> Client {
    let mut watcher = product.client().await;
    watcher.hello().await;
    watcher.add(0, "kv:get", json!({ "key": "x" })).await;
    watcher.transition().await;
    watcher
}

/// Opens a connection on which every byte can be chosen.
async fn raw(product: &Product) -> TcpStream {
    let mut stream = TcpStream::connect(product.address).await.expect("a connection opens");
    let asked = b"GET /api/1.48.0/sync HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(asked).await.expect("a connection takes a request");
    stream
}

/// Returns a frame as clients send it: masked, with zeros.
fn masked(first: u8, payload: &str) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("it is short").to_be_bytes();
    [&[first, 0x80 | 126], length.as_slice(), &[0; 4], payload.as_bytes()].concat()
}

#[tokio::test]
async fn nonsense_ends_the_connection_that_it_came_on_and_no_other() {
    both(|database: TestDb| async move {
        let product = Product::start(&database).await;
        let mut other = watcher(&product).await;
        let versions = json!({ "type": "ModifyQuerySet", "baseVersion": 5, "newVersion": 6, "modifications": [] });
        let identity = json!({ "type": "Authenticate", "baseVersion": 5, "tokenType": "None" });
        let hello = json!({ "type": "Connect", "sessionId": "1", "connectionCount": 0, "lastCloseReason": null });
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let nonsense = [
            Message::text("{"),
            Message::text(deep),
            Message::text(versions.to_string()),
            Message::text(identity.to_string()),
            Message::text(hello.to_string()),
            Message::text(json!({ "type": "Unheard" }).to_string()),
            Message::binary(vec![1, 2, 3]),
            Message::text("x".repeat(17 * 1024 * 1024)),
        ];
        for message in nonsense {
            let mut client = product.client().await;
            client.hello().await;
            client.send(message.clone()).await;
            let (messages, end) = client.end().await;
            assert!(messages.is_empty(), "{messages:?}");
            let expected = if message.len() > 16 * 1024 * 1024 { 1009 } else { 1011 };
            assert_eq!(end.map(|(code, _)| code), Some(expected));
        }
        let mut impolite = product.client().await;
        impolite.modify(json!([])).await;
        assert_eq!(impolite.end().await.1, Some((1011, "InternalServerError".to_owned())));

        other.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        other.until(0, json!(1)).await;
    })
    .await;
}

#[tokio::test]
async fn there_is_an_end_to_what_one_connection_may_ask_for() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut client = product.client().await;
        client.hello().await;
        let add = |id: u32| json!({ "type": "Add", "queryId": id, "udfPath": "util:echo", "args": [{ "v": id }] });
        client.modify((0..501).map(add).collect()).await;
        client.transition().await;
        assert_eq!(client.shown.len(), 501);
        assert_eq!(client.shown[&499], json!(499));
        assert_eq!(client.shown[&500]["data"]["tag"], "too_many_queries");
        // The others go on, and there is room when one ends.
        client.modify(json!([{ "type": "Remove", "queryId": 0 }, add(501)])).await;
        client.transition().await;
        assert_eq!((client.shown.contains_key(&0), &client.shown[&501]), (false, &json!(501)));
    })
    .await;
}

#[tokio::test]
async fn somebody_unknown_may_say_little_and_who_signs_in_more() {
    sqlite(|database| async move {
        let live = LiveOptions { anonymous_bytes: 100_000, bytes: 3_000_000, ..LiveOptions::default() };
        let product = Product::start_live(&database, |_| {}, live).await;
        let long = |bytes: usize| json!({ "v": "x".repeat(bytes) });

        let mut unknown = product.client().await;
        unknown.hello().await;
        unknown.add(0, "util:echo", long(120_000)).await;
        unknown.transition().await;
        assert_eq!(unknown.shown[&0]["data"]["tag"], "queries_too_large");
        // Its answer would not fit beside its argument.
        unknown.add(1, "util:echo", long(60_000)).await;
        unknown.transition().await;
        assert_eq!(unknown.shown[&1]["data"]["tag"], "queries_too_large");
        unknown.add(2, "util:echo", long(30_000)).await;
        unknown.transition().await;
        assert_eq!(unknown.shown[&2].as_str().map(str::len), Some(30_000));
        unknown.add(3, "util:echo", long(1_000_000)).await;
        assert_eq!(unknown.end().await.1, Some((1009, "MessageTooBig".to_owned())));

        // What comes right behind the token is not too long only because nobody has looked at the token yet.
        let mut known = product.client().await;
        known.hello().await;
        known.authenticate(Some("ada")).await;
        known.add(0, "util:echo", long(1_000_000)).await;
        known.until(0, json!("x".repeat(1_000_000))).await;
        known.add(1, "util:echo", long(1_000_000)).await;
        while !known.shown.contains_key(&1) {
            known.next().await;
        }
        assert_eq!(known.shown[&1]["data"]["tag"], "queries_too_large");
        known.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        known.transition_after_answer().await;
    })
    .await;
}

#[tokio::test]
async fn who_does_not_read_is_shown_the_newest_state_later_and_nothing_is_kept_for_them() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut lazy = product.client_at("/api/sync").await;
        lazy.hello().await;
        lazy.add(0, "util:big", json!({ "chars": 500_000 })).await;
        lazy.transition().await;
        let mut busy = watcher(&product).await;
        for n in 0..200 {
            busy.mutate(n, "kv:set", json!({ "key": "x", "v": n })).await;
            busy.until(0, json!(n)).await;
        }
        // Two hundred answers of a megabyte each were due; only the newest one matters.
        let mut read = 0;
        while !lazy.shown[&0].as_str().unwrap().ends_with("é199") {
            lazy.transition().await;
            read += 1;
        }
        assert!(read < 50, "{read} transitions were kept");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_websocket_is_told_so() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut stream = TcpStream::connect(product.address).await.unwrap();
        stream.write_all(b"GET /api/1.48.0/sync HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn who_says_nothing_not_even_to_a_ping_is_gone_and_who_answers_stays() {
    sqlite(|database| async move {
        let product = Product::start_with(&database, |options| options.live_tick = milliseconds(50)).await;
        let mut quiet = product.client().await;
        quiet.hello().await;
        let mut gone = raw(&product).await;
        let mut said = Vec::new();
        // The server closes the connection, with the code 1000 in its last frame.
        let end = tokio::time::timeout(Duration::from_secs(60), gone.read_to_end(&mut said));
        let (end, ()) = tokio::join!(end, quiet.hears_pings(40));
        assert!(end.is_ok() && said.ends_with(&[0x88, 2, 0x03, 0xe8]), "{said:?}");
        quiet.modify(json!([])).await;
        quiet.transition().await;
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_is_gone_after_a_while() {
    sqlite(|database| async move {
        let product = Product::start_with(&database, |options| options.live_tick = milliseconds(50)).await;
        let mut lazy = raw(&product).await;
        let hello = json!({ "type": "Connect", "sessionId": SESSION, "connectionCount": 0, "lastCloseReason": null });
        // More than the buffers between client and server hold.
        let big = json!({ "type": "Add", "queryId": 0, "udfPath": "util:big", "args": [{ "chars": 8_000_000 }] });
        let modify = json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [big] });
        let asked = [masked(0x81, &hello.to_string()), masked(0x81, &modify.to_string())].concat();
        lazy.write_all(&asked).await.unwrap();
        // It goes on sending until the connection is closed.
        let talk = async {
            while lazy.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.is_ok() {
                tokio::time::sleep(milliseconds(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(100), talk).await.expect("it is given up");
        let mut busy = watcher(&product).await;
        busy.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        busy.until(0, json!(1)).await;
    })
    .await;
}
