//! A messaging and a payments vendor whose events the tests create.

use std::sync::Mutex;

use kernel::{Error, Result};
use provider::{Received, messaging as chat, payments};

/// The kind of these events.
const KIND: &str = "told";

/// The content of the events: the payload of an event is an index into one of these lists.
#[derive(Default)]
pub struct Scripted {
    chats: Mutex<Vec<Vec<chat::Change>>>,
    notices: Mutex<Vec<payments::Notice>>,
}

impl Scripted {
    /// Creates an event of the messaging vendor with these changes.
    pub fn chat(&self, changes: Vec<chat::Change>) -> Received {
        event("chat", push(&self.chats, changes))
    }

    /// Creates an event of the payments vendor with this notice.
    pub fn notice(&self, notice: payments::Notice) -> Received {
        event("money", push(&self.notices, notice))
    }
}

impl chat::Reader for Scripted {
    fn channel(&self) -> &'static str {
        "whatsapp"
    }

    fn reads(&self, kind: &str) -> bool {
        kind == KIND
    }

    fn read(&self, _: &str, payload: &[u8]) -> Result<Vec<chat::Change>> {
        at(&self.chats, payload)
    }
}

impl payments::Reader for Scripted {
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<payments::Notice>> {
        if kind == KIND { at(&self.notices, payload).map(Some) } else { Ok(None) }
    }
}

fn event(vendor: &str, place: usize) -> Received {
    Received::new(format!("{vendor}_{place}"), KIND, place.to_string().into())
}

fn push<T>(all: &Mutex<Vec<T>>, one: T) -> usize {
    let mut all = all.lock().expect("no test holds it in a panic");
    all.push(one);
    all.len() - 1
}

fn at<T: Clone>(all: &Mutex<Vec<T>>, payload: &[u8]) -> Result<T> {
    let place = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<usize>().ok());
    let all = all.lock().expect("no test holds it in a panic");
    place.and_then(|place| all.get(place).cloned()).ok_or_else(|| Error::bad_request("event_unreadable", "not a place"))
}
