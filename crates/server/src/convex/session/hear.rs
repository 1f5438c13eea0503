//! Messages of the client: `Connect`, `ModifyQuerySet`, `Authenticate`; calls are in `work`.

use std::time::Duration;

use engine::{Identity, QueryRequest, View, Who};
use kernel::{Code, Error};

use super::{
    super::{
        close::Close,
        codec,
        message::{ClientMessage, Modification, TokenType, is_session},
        weight::weight,
    },
    Session,
    show::broken,
};

/// How far ahead of this node's clock a timestamp may be that the client has seen on another node.
const AHEAD: Duration = Duration::from_secs(3600);

impl Session {
    /// Handles a message; mutations and actions are queued.
    pub(super) async fn hear(&mut self, text: &str) -> Result<(), Close> {
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
            ClientMessage::Mutation(request) => self.queue(request, weight(text.as_bytes())).await,
            ClientMessage::Action(request) => self.act(request, weight(text.as_bytes())).await,
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
        // A timestamp further ahead comes from a database that was replaced by an older one: the client is served anyway.
        if observed <= timestamps.wall().saturating_add(ahead) {
            timestamps.observe(observed);
            self.least = observed;
        }
        Ok(())
    }

    async fn modify(&mut self, modifications: Vec<Modification>) -> Result<(), Close> {
        let surface = self.surface.clone();
        self.view().await?;
        let Self { view: Some(view), removed, .. } = self else { return Ok(()) };
        for modification in modifications {
            match modification {
                Modification::Add { query_id, call, journal } => {
                    removed.remove(&query_id);
                    let (operation, arguments) = surface.read(call);
                    view.add(query_id, QueryRequest { operation, arguments, journal });
                }
                Modification::Remove { query_id } => {
                    if view.remove(query_id) {
                        removed.insert(query_id);
                    }
                }
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
        self.socket.set_undecided(true);
        let verified = self.socket.beside(Box::pin(verified)).await?;
        self.socket.set_undecided(false);
        match verified {
            Ok(who) => self.set_who(who),
            Err(error) if error.code == Code::Unauthenticated => return Err(self.refuse(&error, true)),
            Err(error) => return Err(broken(&error)),
        }
        self.owed = true;
        Ok(())
    }

    pub(super) fn set_who(&mut self, who: Who) {
        self.unknown_limit = self.surface.limit_of(&who.identity);
        self.socket.set_limit(self.unknown_limit);
        match &mut self.view {
            Some(view) => view.set_who(who),
            None => self.view = Some(self.surface.live.view(who)),
        }
    }

    /// The client's view: an anonymous one, when it has not authenticated.
    pub(super) async fn view(&mut self) -> Result<&mut View, Close> {
        if self.view.is_none() {
            let surface = self.surface.clone();
            let entered = self.socket.beside(Box::pin(surface.enter(Identity::Anonymous))).await?;
            self.set_who(entered.map_err(|error| broken(&error))?);
        }
        self.view.as_mut().ok_or_else(|| Close::internal("nobody was let in"))
    }
}
