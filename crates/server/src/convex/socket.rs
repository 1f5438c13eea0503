//! The connection: messages that were received and not handled, messages that wait to be sent, and whether the client is
//! still there.
//!
//! While messages wait to be sent, no further transition is made: a client that does not read costs one transition.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use super::{answer, close::Close, metered::Metered};

/// After so many ticks without a message, a `Ping` message is sent. Clients reconnect after 30 or 60 seconds without a
/// message; pings of the WebSocket protocol do not count for them. With a tick of 5 seconds, they wait 15 at most.
const QUIET: u32 = 2;
/// A client that sends nothing for so many ticks, not even an answer to a ping, or that reads nothing, is disconnected: 120
/// seconds. Ticks are counted instead of seconds, so that a process that was paused does not disconnect everybody.
const SILENCE: u32 = 24;
/// Messages that wait to be handled, and their bytes: with more, nothing more is read.
const INBOX: usize = 4096;
const INBOX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a message besides the arguments in it, such as a token.
const AROUND: usize = 64 * 1024;

/// Bytes that wait to be sent: with more, no message is handled that has an answer.
const OUTBOX_BYTES: usize = 16 * 1024 * 1024;

/// The longest frame. Some clients accept no longer ones, but do accept a message in several frames.
const FRAME: usize = 8 * 1024 * 1024;

/// What carries the messages.
pub(super) type Stream = WebSocketStream<Metered<TokioIo<Upgraded>>>;

/// A connection.
pub(super) struct Socket {
    stream: Stream,
    inbox: VecDeque<Utf8Bytes>,
    inbox_bytes: usize,
    /// Bytes that may wait to be looked at.
    inbox_limit: usize,
    /// Nobody knows yet how much the other side may send.
    is_undecided: bool,
    outbox: VecDeque<Message>,
    outbox_bytes: usize,
    /// The last message could not be read, so that nothing after it can.
    is_deaf: bool,
    unflushed: bool,
    tick: Interval,
    /// The timestamp of the last transition that was sent, and of the last one that the client has certainly received.
    sent_ts: u64,
    received_ts: u64,
    /// Looks since something came, since something was said, and since something that was said went out.
    silent: u32,
    quiet: u32,
    stuck: u32,
}

impl Socket {
    /// Takes the connection over. `every` is the tick.
    pub(super) fn new(stream: Stream, every: Duration) -> Self {
        let inbox_limit = stream.get_ref().limit().min(INBOX_BYTES);
        let mut tick = tokio::time::interval_at(Instant::now() + every, every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            inbox_limit,
            is_undecided: false,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            is_deaf: false,
            unflushed: false,
            tick,
            sent_ts: 0,
            received_ts: 0,
            silent: 0,
            quiet: 0,
            stuck: 0,
        }
    }

    /// How many bytes one message of the other side may have, and how many may wait; none is the protocol's own limit.
    pub(super) fn set_limit(&mut self, bytes: Option<usize>) {
        self.stream.get_mut().set_limit(message_limit(bytes));
        self.inbox_limit = message_limit(bytes).min(INBOX_BYTES);
    }

    /// While this is true, a message that is too long waits instead of ending the connection: a token is being checked that
    /// may raise the limit.
    pub(super) fn set_undecided(&mut self, is_undecided: bool) {
        self.is_undecided = is_undecided;
    }

    /// The oldest message that was not handled.
    pub(super) fn take(&mut self) -> Option<Utf8Bytes> {
        let message = self.inbox.pop_front()?;
        self.inbox_bytes -= message.len();
        Some(message)
    }

    /// Whether there is a message.
    pub(super) fn has_message(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Sends a message after all others.
    pub(super) fn send(&mut self, text: String) {
        if text.len() <= FRAME {
            self.queue(Message::Text(text.into()));
        } else {
            frames(&text.into(), FRAME).into_iter().for_each(|frame| self.queue(frame));
        }
    }

    /// Notes the timestamp of a transition that was sent.
    pub(super) fn note_transition(&mut self, ts: u64) {
        self.sent_ts = self.sent_ts.max(ts);
    }

    /// The timestamp of the last transition that the client has certainly received.
    pub(super) fn received_ts(&self) -> u64 {
        self.received_ts
    }

    /// Whether everything that was to be sent is on its way.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether so much waits to be sent that there should not be more.
    pub(super) fn is_full(&self) -> bool {
        self.outbox_bytes > OUTBOX_BYTES
    }

    /// Runs `work` while messages are received and sent.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Close> {
        let mut work = pin!(work);
        poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(close) => Poll::Ready(Err(close)),
            Poll::Pending => work.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    /// Receives and sends what is possible. Ready only when the connection has ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Close> {
        if let Err(close) = self.read(cx).and_then(|()| self.watch(cx)).and_then(|()| self.write(cx)) {
            return Poll::Ready(close);
        }
        Poll::Pending
    }

    /// Sends the close frame, and waits until the other side has closed.
    pub(super) async fn close(&mut self, close: &Close) {
        self.stream.get_mut().set_limit(usize::MAX);
        self.queue(close.message());
        let every = self.tick.period();
        let farewell = poll_fn(|cx| {
            if self.write(cx).is_err() {
                return Poll::Ready(());
            }
            // What it still sends is read and dropped: unread bytes would make the system discard our close frame.
            loop {
                match self.hears_more(cx) {
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        // No longer than one tick.
        tokio::time::timeout(every, farewell).await.unwrap_or_default();
    }

    /// Reads and drops what comes next. False at the end.
    fn hears_more(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.is_deaf {
            return self.stream.poll_next_unpin(cx).map(|said| matches!(said, Some(Ok(_))));
        }
        let mut bytes = [0; 4096];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = Pin::new(self.stream.get_mut()).poll_read(cx, &mut buffer);
        read.map(|read| read.is_ok() && !buffer.filled().is_empty())
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        while self.listens() {
            let Poll::Ready(said) = self.stream.poll_next_unpin(cx) else { break };
            self.stream.get_mut().reset();
            match said {
                Some(Ok(Message::Text(text))) => {
                    self.inbox_bytes += text.len();
                    self.inbox.push_back(text);
                }
                Some(Ok(Message::Ping(_))) => {}
                // Whoever answers a ping has received everything that was sent before it.
                Some(Ok(Message::Pong(payload))) => {
                    let ts = payload.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                    self.received_ts = self.received_ts.max(ts.min(self.sent_ts));
                }
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => return Err(Close::protocol("a binary message")),
                Some(Ok(Message::Close(_))) | None => return Err(Close::gone("the client left")),
                Some(Err(error)) => {
                    self.is_deaf = true;
                    return Err(unreadable(&error));
                }
            }
            self.silent = 0;
        }
        if self.stream.get_ref().is_over() && self.inbox.is_empty() && !self.is_undecided {
            // No message before it can raise the limit.
            self.is_deaf = true;
            return Err(Close::too_long());
        }
        Ok(())
    }

    fn queue(&mut self, message: Message) {
        self.outbox_bytes += size(&message);
        self.outbox.push_back(message);
    }

    fn listens(&self) -> bool {
        self.inbox.len() < INBOX && self.inbox_bytes < self.inbox_limit
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        let broken = |_| Close::gone("the connection broke");
        while !self.outbox.is_empty() {
            let Poll::Ready(ready) = self.stream.poll_ready_unpin(cx) else { break };
            ready.map_err(broken)?;
            // The message before was accepted.
            self.stuck = 0;
            let Some(message) = self.outbox.pop_front() else { break };
            if matches!(message, Message::Text(_) | Message::Frame(_)) {
                self.quiet = 0;
            }
            self.outbox_bytes -= size(&message);
            self.stream.start_send_unpin(message).map_err(broken)?;
            self.unflushed = true;
        }
        if self.unflushed
            && let Poll::Ready(flushed) = self.stream.poll_flush_unpin(cx)
        {
            flushed.map_err(broken)?;
            (self.unflushed, self.stuck) = (false, 0);
        }
        Ok(())
    }

    /// Counts ticks: pings, and ends a connection whose client is gone.
    fn watch(&mut self, cx: &mut Context<'_>) -> Result<(), Close> {
        while self.tick.poll_tick(cx).is_ready() {
            self.quiet += 1;
            // A client that is not read from cannot be heard.
            self.silent += u32::from(self.listens());
            self.stuck += u32::from(self.unflushed);
            if self.silent >= SILENCE {
                return Err(Close::gone("the client was silent for too long"));
            }
            if self.stuck >= SILENCE {
                return Err(Close::gone("the client read nothing for too long"));
            }
            if self.has_room() && !self.unflushed {
                if self.quiet >= QUIET {
                    self.queue(Message::Text(Utf8Bytes::from_static(answer::PING)));
                }
                self.queue(Message::Ping(Bytes::copy_from_slice(&self.sent_ts.to_be_bytes())));
            }
        }
        Ok(())
    }
}

/// How long a message may be whose arguments may have so many bytes.
pub(super) fn message_limit(bytes: Option<usize>) -> usize {
    bytes.map_or(usize::MAX, |bytes| bytes.saturating_add(AROUND))
}

/// How a connection ends that cannot be read from.
fn unreadable(error: &tungstenite::Error) -> Close {
    if matches!(error, tungstenite::Error::Capacity(_)) {
        Close::too_long()
    } else if matches!(error, tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) {
        Close::protocol("what is no WebSocket frame")
    } else {
        Close::gone("the connection broke")
    }
}

/// Bytes of what a message says.
fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Frame(frame) => frame.payload().len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// A message in frames of this length.
fn frames(text: &Bytes, length: usize) -> Vec<Message> {
    let begins: Vec<_> = (0..text.len()).step_by(length).collect();
    let frame = |begin: &usize| {
        let end = begin.saturating_add(length).min(text.len());
        let kind = if *begin == 0 { Data::Text } else { Data::Continue };
        Message::Frame(Frame::message(text.slice(*begin..end), OpCode::Data(kind), end == text.len()))
    };
    begins.iter().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_one_message_in_several_frames() {
        let frames = frames(&Bytes::from_static(b"abcdefgh"), 3);
        let mut together = Vec::new();
        for (number, message) in frames.iter().enumerate() {
            let Message::Frame(frame) = message else { panic!("{message:?}") };
            let kind = if number == 0 { Data::Text } else { Data::Continue };
            assert_eq!(frame.header().opcode, OpCode::Data(kind));
            assert_eq!(frame.header().is_final, number == 2);
            together.extend_from_slice(frame.payload());
        }
        assert_eq!(together, b"abcdefgh");
    }
}
