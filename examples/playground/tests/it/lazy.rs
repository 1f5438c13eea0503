//! Clients that do not read. Messages that they have not read are not buffered.

use std::iter;

use serde_json::json;
use testkit::{both, sqlite};
use tokio::{io::AsyncWriteExt, task::JoinSet};

use super::{
    playground::Playground,
    socket::{Raw, Watcher, frame, hello, text, watch},
};

/// The number of megabytes by which the server's memory may grow. The unread messages would take several times as much.
const GROWTH: u64 = 250;

#[tokio::test]
async fn who_does_not_read_costs_no_memory() {
    both(|database| async move {
        let playground = Playground::start(&database).await;
        let mut lazy = Vec::new();
        for _ in 0..40 {
            let mut raw = Raw::open(&playground).await;
            let asked = [text(&hello()), text(&watch("kv:get", &json!({ "key": "big" })))].concat();
            raw.stream.write_all(&asked).await.expect("a connection takes a message");
            lazy.push(raw);
        }
        let mut busy = Watcher::open(&playground, "big").await;
        let before = playground.most_memory();
        let long = "x".repeat(1 << 19);
        // 15 MB for each of the forty.
        for n in 0..30 {
            let v = json!(format!("{n} {long}"));
            busy.write(&v).await;
            busy.sees(&v).await;
        }
        let grown = playground.most_memory() - before;
        assert!(grown < GROWTH, "the server needed {grown} MB more");
    })
    .await;
}

#[tokio::test]
async fn who_asks_and_asks_and_never_listens_is_not_listened_to_either() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let mut watcher = Watcher::open(&playground, "live").await;
        watcher.lives().await;
        let before = playground.most_memory();
        let (mut asker, mut pinger) = (Raw::open(&playground).await, Raw::open(&playground).await);
        let mut deaf = JoinSet::new();
        deaf.spawn(async move {
            asker.stream.write_all(&text(&hello())).await.expect("a connection takes a message");
            // Each is answered with its argument, half a gigabyte in all.
            let v = "x".repeat(1 << 19);
            for id in 0..1000 {
                let args = json!([{ "v": v }]);
                let act = json!({ "type": "Action", "requestId": id, "udfPath": "util:act", "args": args });
                asker.stream.write_all(&text(&act)).await.expect("a connection takes a message");
            }
        });
        deaf.spawn(async move {
            let pings: Vec<u8> = iter::repeat_n(frame(0x89, &[7; 125]), 1000).flatten().collect();
            for _ in 0..300 {
                pinger.stream.write_all(&pings).await.expect("a connection takes a ping");
            }
        });
        for _ in 0..100 {
            watcher.lives().await;
        }
        let grown = playground.most_memory() - before;
        assert!(grown < GROWTH, "the server needed {grown} MB more");
    })
    .await;
}

#[tokio::test]
async fn who_is_told_nothing_new_is_told_that_the_server_is_there() {
    sqlite(|database| async move {
        let playground = Playground::start(&database).await;
        let mut watcher = Watcher::open(&playground, "quiet").await;
        watcher.hears_a_ping().await;
        watcher.lives().await;
    })
    .await;
}
