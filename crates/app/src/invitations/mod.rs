//! Invitations to join an organization, valid for seven days. A pending invitation takes a seat of the plan.

mod jobs;
mod model;
mod mutations;
mod queries;
mod store;

use engine::{Handlers, Registry};

pub use model::{Invitation, InvitationId, PendingInvitation};
pub(crate) use mutations::accept_pending;
pub use mutations::{AcceptInvitation, InvitationRef, ResendInvitation, RevokeInvitation, SendInvitation};
pub use queries::{ListPendingInvitations, PagePendingInvitations};
pub(crate) use queries::{count_pending, count_pending_of, count_seats};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("invitations", "Invitations to join the organization")
        .query::<ListPendingInvitations>()
        .query::<PagePendingInvitations>()
        .mutation::<SendInvitation>()
        .mutation::<ResendInvitation>()
        .mutation::<RevokeInvitation>()
        .mutation::<AcceptInvitation>();
}

/// Registers the jobs of this feature.
pub(crate) fn handle(handlers: &mut Handlers) {
    handlers.job::<jobs::SendInvitationEmail>();
}
