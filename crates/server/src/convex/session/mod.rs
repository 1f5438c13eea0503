//! One client: its queries, its identity, and the state version that it was shown.
//!
//! All received messages are handled before anything is computed, and one thing is computed at a time: a mutation, or the
//! next transition. So a transition never shows a mutation of this connection before the mutation's response.

mod hear;
mod show;
mod work;

use std::{
    collections::{BTreeSet, VecDeque},
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use engine::{Identity, View};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{task::JoinHandle, time::Instant};

use super::{client::Client, close::Close, socket::Socket, surface::Surface, version::Versions};
use work::{ActionEnd, EndedAction, QueuedMutation};

/// Mutations of one connection that may wait; with more, no message is handled. To close instead would not help: a client
/// that has queued more while it was offline would send all of them again.
const MUTATIONS: usize = 1000;
/// About the bytes in memory of mutations and actions that are not done; with more, the client has to wait.
const UNDONE: usize = 32 * 1024 * 1024;
/// Bytes of a message that takes a while to read.
const LONG: usize = 64 * 1024;
/// While mutations wait, transitions come in these steps.
const STEP: Duration = Duration::from_millis(20);

/// A client on its connection.
pub(super) struct Session {
    surface: Surface,
    client: Client,
    socket: Socket,
    /// The session of its `Connect` message; none before that.
    id: Option<String>,
    skew_ms: i64,
    /// None until it is needed. Without `Authenticate` the client is anonymous.
    view: Option<View>,
    versions: Versions,
    removed: BTreeSet<u32>,
    mutations: VecDeque<QueuedMutation>,
    actions: FuturesUnordered<JoinHandle<EndedAction>>,
    undone: usize,
    /// How many bytes a client may send that has not signed in; none for one that has.
    unknown_limit: Option<usize>,
    /// The client waits for a transition, also when nothing has changed: at `least` or later.
    owed: bool,
    least: u64,
    /// An answer may have changed since the last transition.
    stale: bool,
    shown_at: Option<Instant>,
    failures: u32,
    /// The first mutation that was answered and may be asked for again, and the last one: their timestamps.
    answered: Option<u64>,
    last_answered: u64,
}

impl Session {
    pub(super) fn new(surface: Surface, client: Client, socket: Socket) -> Self {
        Self {
            unknown_limit: surface.limit_of(&Identity::Anonymous),
            surface,
            client,
            socket,
            id: None,
            skew_ms: 0,
            view: None,
            versions: Versions::default(),
            removed: BTreeSet::new(),
            mutations: VecDeque::new(),
            actions: FuturesUnordered::new(),
            undone: 0,
            owed: false,
            least: 0,
            stale: false,
            shown_at: None,
            failures: 0,
            answered: None,
            last_answered: 0,
        }
    }

    /// Serves the client until one of us leaves.
    pub(super) async fn run(&mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let close = loop {
            if let Err(close) = self.step(stop.as_mut()).await {
                break close;
            }
        };
        tracing::debug!(?close, "a live connection ends");
        self.socket.close(&close).await;
    }

    async fn step(&mut self, stop: Pin<&mut (impl Future<Output = ()> + Send)>) -> Result<(), Close> {
        if let Some(acted) = self.wait(stop).await? {
            self.answer_action(acted)?;
        }
        self.forget_shown();
        while listens(&self.socket, &self.mutations, self.undone, self.unknown_limit) {
            let Some(message) = self.socket.take() else { break };
            self.hear(&message).await?;
            if message.len() > LONG {
                // It took a while to parse: other tasks go first.
                tokio::task::yield_now().await;
            }
        }
        if !self.socket.has_room() {
            return Ok(());
        }
        let is_due = self.owed || self.stale;
        let can_wait = self.shown_at.is_some_and(|at| at.elapsed() < STEP);
        match (self.mutations.is_empty(), is_due && !can_wait) {
            (false, false) => self.mutate().await,
            (true, _) if is_due => Box::pin(self.show()).await,
            (false, true) => {
                self.mutate().await?;
                Box::pin(self.show()).await
            }
            (true, _) => Ok(()),
        }
    }

    /// Waits until there is something to do. Returns an action that has ended.
    async fn wait(
        &mut self,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<Option<ActionEnd>, Close> {
        let Self { socket, view, actions, stale, owed, mutations, undone, unknown_limit, .. } = self;
        let is_stale = *stale;
        let mut changed = pin!(async move {
            match view {
                Some(view) if !is_stale => view.changed().await,
                _ => pending().await,
            }
        });
        let done = poll_fn(|cx| {
            if let Poll::Ready(close) = socket.poll(cx) {
                return Poll::Ready(Err(close));
            }
            if stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Close::restart()));
            }
            if !socket.is_full()
                && let Poll::Ready(Some(done)) = actions.poll_next_unpin(cx)
            {
                return Poll::Ready(Ok(Some(done)));
            }
            if !*stale && changed.as_mut().poll(cx).is_ready() {
                *stale = true;
            }
            let is_told = socket.has_message() && listens(socket, mutations, *undone, *unknown_limit);
            let is_due = *owed || *stale || !mutations.is_empty();
            if is_told || (is_due && socket.has_room()) {
                return Poll::Ready(Ok(None));
            }
            Poll::Pending
        });
        done.await
    }
}

/// Whether the next message may be handled: there is room for its work and for its answer.
fn listens(socket: &Socket, mutations: &VecDeque<QueuedMutation>, undone: usize, unknown_limit: Option<usize>) -> bool {
    mutations.len() < MUTATIONS && undone < unknown_limit.unwrap_or(UNDONE) && !socket.is_full()
}
