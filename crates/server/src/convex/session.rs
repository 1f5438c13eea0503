//! One client: what it asked for, who it is, and what it was shown.
//!
//! Everything that has arrived is looked at before anything is computed, and one thing is computed at a time: a mutation,
//! or the next transition. So a transition never shows a mutation of this connection before that was answered.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use engine::{Asked, Identity, Moment, Replay, View, Who};
use futures_util::{StreamExt, stream::FuturesUnordered};
use kernel::{Code, Error, Result};
use serde_json::Value;
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

use super::{
    answer::{self, Clocks, Transition},
    chunk,
    client::Client,
    close::Close,
    codec,
    message::{ClientMessage, Modification, Request, TokenType, is_session},
    socket::Socket,
    surface::Surface,
    value,
    version::Versions,
};

/// Queries that one connection may watch.
const SUBSCRIPTIONS: usize = 10_000;
/// Mutations of one connection that may wait; with more, the client has to. To close instead would help nobody: a client that
/// has gathered more while it was alone would come again with all of them.
const MUTATIONS: usize = 1000;
/// Actions of one connection that may run.
const ACTIONS: usize = 100;
/// The bytes of messages whose mutations and actions are not done; with more, the client has to wait.
const UNDONE: usize = 32 * 1024 * 1024;
/// Bytes of a message that takes a while to read.
const LONG: usize = 64 * 1024;
/// How long an answered mutation is remembered: a tab may sleep for so long.
const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 3600);
/// While mutations wait, transitions come in these steps.
const STEP: Duration = Duration::from_millis(20);
/// A client may come from a node whose clock is ahead, but not by more than this.
const AHEAD: Duration = Duration::from_secs(3600);
/// How often, and after which time, what could not be computed is tried again.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(1);

/// A client on its connection.
pub(super) struct Session {
    surface: Surface,
    client: Client,
    socket: Socket,
    /// None before the client has said hello.
    id: Option<String>,
    skew_ms: i64,
    /// None as long as nobody knows who it is: then it is somebody anonymous.
    view: Option<View>,
    versions: Versions,
    watched: HashSet<u32>,
    removed: BTreeSet<u32>,
    mutations: VecDeque<Waiting>,
    actions: FuturesUnordered<JoinHandle<Done>>,
    undone: usize,
    /// The client waits for a transition, also when nothing has changed: at this moment or later.
    owed: bool,
    least: u64,
    /// What is shown may have changed.
    stale: bool,
    shown_at: Option<Instant>,
    failures: u32,
}

/// An action that is done.
struct Done {
    request: u32,
    who: Who,
    bytes: usize,
    output: Result<Value>,
}

/// An action that is done, or the end of its task.
type Acted = Result<Done, JoinError>;

/// A mutation before its turn.
struct Waiting {
    request: u32,
    who: Who,
    operation: String,
    arguments: Value,
    bytes: usize,
}

impl Session {
    pub(super) fn new(surface: Surface, client: Client, socket: Socket) -> Self {
        Self {
            surface,
            client,
            socket,
            id: None,
            skew_ms: 0,
            view: None,
            versions: Versions::default(),
            watched: HashSet::new(),
            removed: BTreeSet::new(),
            mutations: VecDeque::new(),
            actions: FuturesUnordered::new(),
            undone: 0,
            owed: false,
            least: 0,
            stale: false,
            shown_at: None,
            failures: 0,
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
        while listens(&self.socket, &self.mutations, self.undone) {
            let Some(message) = self.socket.take() else { break };
            self.hear(&message).await?;
            if message.len() > LONG {
                // To read it took a while: others go first.
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

    /// Waits until there is something to do; an action that is done is.
    async fn wait(&mut self, mut stop: Pin<&mut (impl Future<Output = ()> + Send)>) -> Result<Option<Acted>, Close> {
        let Self { socket, view, actions, stale, owed, mutations, undone, .. } = self;
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
            let is_told = socket.has_message() && listens(socket, mutations, *undone);
            let is_due = *owed || *stale || !mutations.is_empty();
            if is_told || (is_due && socket.has_room()) {
                return Poll::Ready(Ok(None));
            }
            Poll::Pending
        });
        done.await
    }

    async fn hear(&mut self, text: &str) -> Result<(), Close> {
        let message = ClientMessage::parse(text)?;
        if self.id.is_none() != matches!(message, ClientMessage::Connect { .. }) {
            return Err(Close::protocol("a connection begins with one Connect"));
        }
        match message {
            ClientMessage::Connect { session_id, max_observed_timestamp, client_ts } => {
                self.connect(session_id, max_observed_timestamp.as_deref(), client_ts)
            }
            ClientMessage::ModifyQuerySet { base_version, new_version, modifications } => {
                self.versions.modify(base_version, new_version)?;
                self.modify(modifications).await
            }
            ClientMessage::Authenticate { base_version, token_type, value, impersonating } => {
                self.versions.authenticate(base_version)?;
                let token = match token_type {
                    TokenType::None => None,
                    TokenType::User | TokenType::Admin => Some(value.unwrap_or_default()),
                };
                let acts_as_somebody = impersonating.is_some_and(|somebody| !somebody.is_null());
                Box::pin(self.authenticate(token, acts_as_somebody)).await
            }
            ClientMessage::Mutation(request) => self.queue(request, text.len()).await,
            ClientMessage::Action(request) => self.act(request, text.len()).await,
            ClientMessage::Event => Ok(()),
        }
    }

    fn connect(&mut self, session: String, observed: Option<&str>, client_ts: Option<f64>) -> Result<(), Close> {
        if !is_session(&session) {
            return Err(Close::protocol("a session that is no UUID"));
        }
        self.id = Some(session);
        #[expect(clippy::cast_possible_truncation, reason = "a clock far beyond all times ends at the border")]
        let theirs = client_ts.unwrap_or_default() as i64;
        self.skew_ms = theirs.saturating_sub(self.surface.operations.world().now().ms());
        let observed = observed.map(codec::decode).transpose();
        let observed = observed.map_err(|_| Close::protocol("a timestamp that is none"))?.unwrap_or_default();
        let timestamps = self.surface.operations.timestamps();
        let ahead = u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX);
        // What is further ahead comes from a database that is no more: such a client is served, not locked out.
        if observed <= timestamps.wall().saturating_add(ahead) {
            timestamps.observe(observed);
            self.least = observed;
        }
        Ok(())
    }

    async fn modify(&mut self, modifications: Vec<Modification>) -> Result<(), Close> {
        let surface = self.surface.clone();
        let Self { watched, removed, .. } = self;
        let mut asked = Vec::new();
        for modification in modifications {
            match modification {
                Modification::Add { query_id, call, journal } => {
                    if watched.len() >= SUBSCRIPTIONS && !watched.contains(&query_id) {
                        return Err(Close::overload("too many subscriptions"));
                    }
                    watched.insert(query_id);
                    removed.remove(&query_id);
                    let (operation, arguments) = surface.read(call);
                    asked.push((query_id, Some(Asked { operation, arguments, journal })));
                }
                Modification::Remove { query_id } => {
                    if watched.remove(&query_id) {
                        removed.insert(query_id);
                        asked.push((query_id, None));
                    }
                }
            }
        }
        let view = self.view().await?;
        for (id, asked) in asked {
            match asked {
                Some(asked) => view.add(id, asked),
                None => view.remove(id),
            }
        }
        self.owed = true;
        Ok(())
    }

    async fn authenticate(&mut self, token: Option<String>, acts_as_somebody: bool) -> Result<(), Close> {
        let surface = self.surface.clone();
        let verified = async {
            if acts_as_somebody {
                return Err(Error::new(Code::Unauthenticated, "acting_unsupported", "a key acts for itself alone"));
            }
            let identity = match &token {
                Some(token) => surface.authenticator.identity(token).await?,
                None => Identity::Anonymous,
            };
            surface.enter(identity).await
        };
        match self.socket.beside(Box::pin(verified)).await? {
            Ok(who) => self.set_who(who),
            Err(error) if error.code == Code::Unauthenticated => return Err(self.refuse(&error, true)),
            Err(error) => return Err(broken(&error)),
        }
        self.owed = true;
        Ok(())
    }

    fn set_who(&mut self, who: Who) {
        match &mut self.view {
            Some(view) => view.set_who(who),
            None => self.view = Some(self.surface.live.view(who)),
        }
    }

    /// What the client is shown: as somebody anonymous, when it has not shown who it is.
    async fn view(&mut self) -> Result<&mut View, Close> {
        if self.view.is_none() {
            let surface = self.surface.clone();
            let entered = self.socket.beside(Box::pin(surface.enter(Identity::Anonymous))).await?;
            self.set_who(entered.map_err(|error| broken(&error))?);
        }
        self.view.as_mut().ok_or_else(|| Close::internal("nobody was let in"))
    }

    async fn queue(&mut self, Request { request_id, call }: Request, bytes: usize) -> Result<(), Close> {
        let who = self.view().await?.who().clone();
        let (operation, arguments) = self.surface.read(call);
        self.undone += bytes;
        self.mutations.push_back(Waiting { request: request_id, who, operation, arguments, bytes });
        Ok(())
    }

    async fn mutate(&mut self) -> Result<(), Close> {
        let Some(Waiting { request, who, operation, arguments, bytes }) = self.mutations.pop_front() else {
            return Ok(());
        };
        self.undone -= bytes;
        let operations = self.surface.operations.clone();
        let keep_until = operations.world().now() + REMEMBERED;
        let session = self.id.clone().unwrap_or_default();
        let replay = Replay { session, request: request.to_string(), keep_until };
        let work = operations.mutation(&who, &operation, &arguments, Some(replay));
        let done = self.socket.beside(Box::pin(work)).await?;
        let done = done.and_then(|committed| value::check_value(&committed.output).map(|()| committed));
        match done {
            Ok(committed) => {
                self.least = self.least.max(committed.ts);
                self.socket.send(answer::committed(request, &committed));
            }
            Err(error) if is_nobody(&who, &error) => return Err(self.refuse(&error, false)),
            Err(error) => {
                let failure = self.surface.failure(&error);
                self.socket.send(answer::not_committed(request, &failure));
            }
        }
        self.owed = true;
        Ok(())
    }

    /// Begins an action. It goes on when the connection does not: what it has begun outside, it ends.
    async fn act(&mut self, Request { request_id: request, call }: Request, bytes: usize) -> Result<(), Close> {
        if self.actions.len() >= ACTIONS {
            // To close would fail those that run.
            let message = format!("{ACTIONS} actions run already: wait until one of them is done");
            let failure = self.surface.failure(&Error::new(Code::RateLimited, "too_many_actions", message));
            self.socket.send(answer::not_acted(request, &failure));
            self.owed = true;
            return Ok(());
        }
        let who = self.view().await?.who().clone();
        let operations = self.surface.operations.clone();
        let (operation, arguments) = self.surface.read(call);
        self.undone += bytes;
        self.actions.push(tokio::spawn(async move {
            let output = operations.action(&who, &operation, &arguments).await;
            Done { request, who, bytes, output }
        }));
        Ok(())
    }

    fn answer_action(&mut self, done: Acted) -> Result<(), Close> {
        let Done { request, who, bytes, output } = done.map_err(|_| Close::internal("an action panicked"))?;
        self.undone -= bytes;
        match output.and_then(|output| value::check_value(&output).map(|()| output)) {
            Ok(output) => self.socket.send(answer::acted(request, &output)),
            Err(error) if is_nobody(&who, &error) => return Err(self.refuse(&error, false)),
            Err(error) => {
                let failure = self.surface.failure(&error);
                self.socket.send(answer::not_acted(request, &failure));
            }
        }
        // What the action wrote is older than this: the next transition shows it.
        self.owed = true;
        Ok(())
    }

    /// Brings what is shown up to date.
    async fn show(&mut self) -> Result<(), Close> {
        let least = self.least.max(self.versions.shown().ts);
        self.view().await?;
        self.find_place().await?;
        let Self { socket, view: Some(view), .. } = self else { return Ok(()) };
        self.stale = false;
        match socket.beside(Box::pin(view.advance(least))).await? {
            Ok(moment) => {
                self.failures = 0;
                self.tell(&moment);
                Ok(())
            }
            Err(error) if error.code == Code::Unauthenticated => Err(self.refuse(&error, false)),
            Err(error) => {
                self.stale = true;
                self.failures += 1;
                if self.failures >= ATTEMPTS {
                    return Err(broken(&error));
                }
                self.socket.beside(tokio::time::sleep(PATIENCE)).await
            }
        }
    }

    /// Somebody without an organization may have one by now: they created it, or were let in.
    async fn find_place(&mut self) -> Result<(), Close> {
        let Some(who) = self.view.as_ref().map(View::who) else { return Ok(()) };
        if who.organization.is_some() || who.identity == Identity::Anonymous {
            return Ok(());
        }
        let (surface, identity) = (self.surface.clone(), who.identity.clone());
        match self.socket.beside(Box::pin(surface.enter(identity))).await? {
            Ok(who) if who.organization.is_some() => self.set_who(who),
            // What is wrong with them is told where they ask for something.
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    fn tell(&mut self, moment: &Moment) {
        if !self.owed && moment.updates.is_empty() && self.removed.is_empty() {
            return;
        }
        let bytes =
            moment.updates.iter().filter_map(|update| Some(update.shown.outcome.as_ref().ok()?.len() + 100)).sum();
        let mut transition = Transition::new(self.versions.advance(moment.ts), bytes);
        moment.updates.iter().for_each(|update| self.surface.write(&mut transition, update));
        std::mem::take(&mut self.removed).into_iter().for_each(|id| transition.removed(id));
        let now_ns = self.surface.operations.timestamps().wall();
        let transition = transition.finish(Clocks { skew_ms: self.skew_ms, now_ns });
        if self.client.takes_chunks() && transition.len() > chunk::PIECE {
            let id = self.surface.operations.world().number();
            chunk::cut(&transition, chunk::PIECE, id).into_iter().for_each(|part| self.socket.send(part));
        } else {
            self.socket.send(transition);
        }
        self.owed = false;
        self.shown_at = Some(Instant::now());
    }

    /// Tells the client that what it showed is worth nothing.
    fn refuse(&mut self, error: &Error, attempted: bool) -> Close {
        let shown = self.versions.shown().identity;
        self.socket.send(answer::auth_error(&error.message, shown, attempted));
        Close::unauthenticated()
    }
}

/// Whether there is room for what the next message may bring: work, and answers.
fn listens(socket: &Socket, mutations: &VecDeque<Waiting>, undone: usize) -> bool {
    mutations.len() < MUTATIONS && undone < UNDONE && !socket.is_full()
}

/// Whether the token or the key has become worthless, rather than something was asked that needs one.
fn is_nobody(who: &Who, error: &Error) -> bool {
    error.code == Code::Unauthenticated && error.data().is_none() && who.identity != Identity::Anonymous
}

fn broken(error: &Error) -> Close {
    tracing::error!(?error, "a live connection cannot be served");
    Close::internal("what it shows cannot be computed")
}
