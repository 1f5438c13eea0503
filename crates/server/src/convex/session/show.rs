//! Transitions, and how a connection ends that cannot be served.

use std::time::Duration;

use engine::{Identity, Moment, View};
use kernel::{Code, Error};
use tokio::time::Instant;

use super::{
    super::{
        answer::{self, Clocks, Transition},
        chunk,
        close::Close,
    },
    Session,
};

/// How often, and after which time, a transition that could not be computed is tried again.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(1);

impl Session {
    /// Computes and sends the next transition.
    pub(super) async fn show(&mut self) -> Result<(), Close> {
        let least = self.least.max(self.versions.shown().ts);
        self.view().await?;
        self.find_organization().await?;
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

    /// A client without an organization may belong to one by now: it was created, or they were added.
    async fn find_organization(&mut self) -> Result<(), Close> {
        let Some(who) = self.view.as_ref().map(View::who) else { return Ok(()) };
        if who.organization.is_some() || who.identity == Identity::Anonymous {
            return Ok(());
        }
        let (surface, identity) = (self.surface.clone(), who.identity.clone());
        match self.socket.beside(Box::pin(surface.enter(identity))).await? {
            Ok(who) if who.organization.is_some() => self.set_who(who),
            // Errors are told where an operation is called.
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
        self.socket.note_transition(moment.ts);
        self.owed = false;
        self.shown_at = Some(Instant::now());
    }

    /// Tells the client that its token is not valid, or no longer.
    pub(super) fn refuse(&mut self, error: &Error, attempted: bool) -> Close {
        let shown = self.versions.shown().identity;
        self.socket.send(answer::auth_error(&error.message, shown, attempted));
        Close::unauthenticated()
    }
}

/// Ends a connection that cannot be served.
pub(super) fn broken(error: &Error) -> Close {
    tracing::error!(?error, "a live connection cannot be served");
    Close::internal("what it shows cannot be computed")
}
