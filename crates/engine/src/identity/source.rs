//! Fetches the keys of one issuer, and decides how long they are used.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Code, Error, Result, Time};
use provider::{
    auth::{Issuer, KeySet},
    http::{Http, Transport},
};

use super::keys::Keys;
use crate::World;

/// The greatest size of a key set; real ones have some kilobytes.
const MAX_SET: usize = 1024 * 1024;
/// The time-out of a fetch, for which callers wait.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest interval between fetches for unknown keys, however many tokens name them.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// The time after which an unreachable issuer is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// The age at which keys are fetched again while the old ones stay in use: an issuer may have withdrawn one.
const STALE: Duration = Duration::from_secs(60 * 60);
/// The age at which keys are fetched again before they are used.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys of one issuer.
pub(super) struct Source {
    /// The issuer's name, for the log.
    name: String,
    place: Place,
    world: World,
    state: Mutex<State>,
    /// Held by the task that fetches.
    fetching: tokio::sync::Mutex<()>,
}

enum Place {
    Address(Http),
    File(PathBuf),
    /// The keys come from a file or a setting: there is nothing to fetch.
    Here,
}

#[derive(Default)]
struct State {
    keys: Arc<Keys>,
    /// When the keys were fetched.
    fetched: Option<Time>,
    /// When a fetch was last tried.
    tried: Option<Time>,
    /// Whether that fetch failed.
    failed: bool,
    /// Whether a fetch runs in the background.
    refreshing: bool,
}

impl Source {
    /// Creates the source of `issuer`; keys in a file or a setting are read.
    pub(super) fn new(issuer: &Issuer, transport: &Transport, world: &World) -> Result<Self> {
        let name = issuer.names.first().cloned().unwrap_or_default();
        let (place, keys) = match &issuer.keys {
            KeySet::Address(address) => (Place::Address(Http::new(transport, "token_issuer", address.clone())), None),
            KeySet::File(path) => {
                let json = read(path).map_err(|error| error.context("issuer", &name))?;
                (Place::File(path.clone()), Some(usable(&name, &json)?))
            }
            KeySet::Inline(json) => (Place::Here, Some(usable(&name, json)?)),
        };
        let mut state = State::default();
        if let Some(keys) = keys {
            state.note(Some(keys), world.now());
        }
        Ok(Self {
            name,
            place,
            world: world.clone(),
            state: Mutex::new(state),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the keys, fetched again when none of them has the id `id` and the last fetch is not recent.
    ///
    /// # Errors
    /// `Unavailable` when the key may exist and the issuer cannot be reached.
    pub(super) async fn with(self: &Arc<Self>, id: &str) -> Result<Arc<Keys>> {
        let now = self.world.now();
        let (age, failed) = {
            let state = self.state();
            (state.fetched.map(|fetched| now.since(fetched)), state.failed)
        };
        match age {
            Some(age) if age < STALE => {}
            // While there are keys, callers do not wait again for an issuer that does not answer.
            Some(age) if age < OLD || failed => self.refresh_behind(),
            Some(_) | None => self.refresh().await,
        }
        if self.state().keys.has(id) {
            return Ok(self.state().keys.clone());
        }
        self.refresh().await;
        let state = self.state();
        if state.failed && !state.keys.has(id) {
            return Err(Error::unavailable(
                "token_keys_unavailable",
                "the keys of the token's issuer cannot be fetched at the moment: try again soon",
            )
            .retry_after(RETRY));
        }
        Ok(state.keys.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a sequence of assignments, none of which can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches in the background while the current keys stay in use.
    fn refresh_behind(self: &Arc<Self>) {
        let now = self.world.now();
        let mut state = self.state();
        if state.refreshing || state.rests(now) || matches!(self.place, Place::Here) {
            return;
        }
        state.refreshing = true;
        let source = self.clone();
        tokio::spawn(async move {
            source.fetch_unless_just_done().await;
            source.state().refreshing = false;
        });
    }

    /// Fetches, or waits for the task that fetches.
    async fn refresh(self: &Arc<Self>) {
        if matches!(self.place, Place::Here) {
            return;
        }
        let source = self.clone();
        // The fetch is a task of its own, so that it goes on when its caller is cancelled: others wait for the same
        // answer.
        let fetched = tokio::spawn(async move { source.fetch_unless_just_done().await }).await;
        if fetched.is_err() {
            self.state().note(None, self.world.now());
        }
    }

    async fn fetch_unless_just_done(&self) {
        let _one = self.fetching.lock().await;
        if self.state().rests(self.world.now()) {
            return;
        }
        let outcome = self.fetch().await;
        if let Err(error) = &outcome {
            tracing::warn!(issuer = self.name, ?error, "the keys of an issuer cannot be fetched");
        }
        self.state().note(outcome.ok(), self.world.now());
    }

    async fn fetch(&self) -> Result<Keys> {
        let json = match &self.place {
            Place::Address(http) => download(http).await?,
            Place::File(path) => read(path)?,
            Place::Here => return Err(Error::internal("keys_are_here", "keys that are at hand are not fetched")),
        };
        Keys::parse(&json).map_err(|why| Error::vendor("issuer_keys_malformed", why))
    }
}

impl State {
    /// Returns whether it is too early for another fetch.
    fn rests(&self, now: Time) -> bool {
        let pause = if self.failed { RETRY } else { COOL_DOWN };
        self.tried.is_some_and(|tried| now.since(tried) < pause)
    }

    /// Records the result of a fetch. Valid keys are kept when the issuer does not answer.
    fn note(&mut self, keys: Option<Keys>, now: Time) {
        self.tried = Some(now);
        self.failed = keys.is_none();
        if let Some(keys) = keys {
            self.keys = Arc::new(keys);
            self.fetched = Some(now);
        }
    }
}

async fn download(http: &Http) -> Result<Vec<u8>> {
    let ask = http.get("").header("accept", "application/json").max_body(MAX_SET).timeout(FETCH_TIMEOUT).send_raw();
    let late = |_| Error::vendor("issuer_timed_out", "the issuer did not send its keys in time");
    let answer = tokio::time::timeout(FETCH_TIMEOUT, ask).await.map_err(late)??;
    Ok(answer.success()?.body.into())
}

/// Reads a small file; blocking is short enough here.
fn read(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the file with the keys of an issuer cannot be read: {}", path.display());
        Error::config("issuer_keys_file", message).source(error)
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_SET as u64 {
        let message = format!("the file with the keys of an issuer is larger than 1 MiB: {}", path.display());
        return Err(Error::config("issuer_keys_file", message));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Parses keys that an operator configured, of which at least one must be usable.
fn usable(name: &str, json: &[u8]) -> Result<Keys> {
    let wrong = |why: &str| {
        let message = format!("the key set of the issuer {name} cannot be used: {why}");
        Error::new(Code::Config, "issuer_keys_malformed", message)
    };
    let keys = if json.len() > MAX_SET { Err("it is larger than 1 MiB") } else { Keys::parse(json) };
    let keys = keys.map_err(wrong)?;
    if keys.is_empty() {
        return Err(wrong("none of its keys has a name (kid) and verifies RS256, ES256 or EdDSA"));
    }
    Ok(keys)
}
