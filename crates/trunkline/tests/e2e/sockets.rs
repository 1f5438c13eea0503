//! Live connections that ask for too much: what the process keeps of it is measured from outside.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{Node, sqlite};

const MIB: usize = 1 << 20;

/// A connection whose every byte is chosen here.
struct Socket(TcpStream);

/// Makes all arguments differ: what is the same is kept once.
static ARGUMENTS: AtomicUsize = AtomicUsize::new(0);

impl Socket {
    fn open(node: &Node) -> Self {
        let mut stream = node.client().connect().expect("the node accepts");
        let request = "GET /api/1.48.0/sync HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("the node accepts");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has a time-out");
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("the node answers");
            answer.push(byte[0]);
        }
        let mut socket = Self(stream);
        let session = "5c1f1e9c-7a0e-4d0e-9a51-0e8b2d1f3a77";
        let hello = json!({ "type": "Connect", "sessionId": session, "connectionCount": 0, "lastCloseReason": null });
        assert!(socket.say(&hello));
        socket
    }

    /// Whether the other side took it.
    fn say(&mut self, message: &Value) -> bool {
        let text = message.to_string();
        let length = u64::try_from(text.len()).expect("it has a length").to_be_bytes();
        // Masked with zeros.
        let head = [&[0x81, 0x80 | 127], length.as_slice(), &[0; 4]].concat();
        self.0.write_all(&head).and_then(|()| self.0.write_all(text.as_bytes())).is_ok()
    }

    /// Adds one query with an argument of so many bytes.
    fn ask(&mut self, id: u32, operation: &str, bytes: usize) -> bool {
        let number = ARGUMENTS.fetch_add(1, Ordering::Relaxed);
        let args = [json!({ "text": format!("{number:06}{}", "x".repeat(bytes)) })];
        let add = json!({ "type": "Add", "queryId": id, "udfPath": operation, "args": args });
        self.say(&json!({ "type": "ModifyQuerySet", "baseVersion": id, "newVersion": id + 1, "modifications": [add] }))
    }

    /// The next frame: its kind, and what it says.
    fn hear(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("the node says something");
        let length = match head[1] & 0x7f {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).expect("the node says something");
                usize::from(u16::from_be_bytes(length))
            }
            short @ 0..126 => usize::from(short),
            long => panic!("a frame that is too long for this test: {long}"),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).expect("the node says something");
        (head[0] & 0x0f, payload)
    }

    /// Reads until a message has this word.
    fn hear_of(&mut self, word: &str) {
        loop {
            let (kind, payload) = self.hear();
            assert_ne!(kind, 8, "the node closes the connection");
            if String::from_utf8_lossy(&payload).contains(word) {
                return;
            }
        }
    }

    /// Reads until the node closes the connection, and answers the code.
    fn end(&mut self) -> u16 {
        loop {
            if let (8, payload) = self.hear() {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

#[test]
fn of_queries_that_nobody_may_ask_for_nothing_is_kept() {
    sqlite(|installation| {
        let node = installation.start();
        let mut first = Socket::open(&node);
        first.ask(0, "customers:list", 10);
        first.hear_of("QueryFailed");
        let before = node.resident();

        // Too long for somebody unknown: the connection ends before the message was read.
        let mut large: Vec<_> = (0..12).map(|_| Socket::open(&node)).collect();
        for socket in &mut large {
            socket.ask(0, "customers:list", 8 * MIB);
            assert_eq!(socket.end(), 1009);
        }
        // Just short enough, again and again, on connections that stay.
        let mut many: Vec<_> = (0..12).map(|_| Socket::open(&node)).collect();
        for socket in &mut many {
            for id in 0..8 {
                assert!(socket.ask(id, "customers:list", MIB - 4096));
                socket.hear_of(if id == 0 { "sign_in_needed" } else { "queries_too_large" });
            }
        }
        let grown = node.resident().saturating_sub(before);
        // One argument for each connection, its text and what it was read into.
        assert!(grown < 60 * MIB, "{} MiB are kept of {} MiB that were sent", grown / MIB, 12 * 8 * 2);
        first.ask(1, "customers:list", 10);
        first.hear_of("QueryFailed");
    });
}

#[test]
fn a_query_more_than_a_connection_may_have_fails_alone() {
    sqlite(|installation| {
        let node = installation.with("TRUNKLINE_LIVE_QUERIES", "2").start();
        let mut socket = Socket::open(&node);
        for id in 0..2 {
            socket.ask(id, "customers:list", 10);
            socket.hear_of("sign_in_needed");
        }
        socket.ask(2, "customers:list", 10);
        socket.hear_of("too_many_queries");
        let remove = json!({ "type": "Remove", "queryId": 0 });
        socket.say(&json!({ "type": "ModifyQuerySet", "baseVersion": 3, "newVersion": 4, "modifications": [remove] }));
        socket.hear_of("QueryRemoved");
        let add = json!({ "type": "Add", "queryId": 4, "udfPath": "customers:list", "args": [{}] });
        socket.say(&json!({ "type": "ModifyQuerySet", "baseVersion": 4, "newVersion": 5, "modifications": [add] }));
        socket.hear_of("sign_in_needed");
    });
}
