//! Invitations to join an organization, valid for seven days. A pending invitation takes a seat of the plan.

mod jobs;
mod model;
mod mutations;
mod queries;
mod store;

use engine::{Children, Handlers, Keep, OldTenantRows, Owned, Registry, Sweep};

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

/// Lets nobody accept an invitation of this organization any more.
pub(crate) async fn withdraw_all(tx: &mut ::store::Tx, organization: &kernel::OrgId) -> kernel::Result<()> {
    store::delete_index_of(tx, organization).await
}

/// Registers the jobs of this feature, and the sweeps that delete old invitations.
pub(crate) fn handle(handlers: &mut Handlers) {
    let ended = OldTenantRows {
        table: "invitations",
        key: &["id"],
        at: "ended_ms",
        only: "ended_ms is not null",
        children: &[Children { table: "invitations_index", parent: "invitation_id", owned: Owned::ByInstallation }],
    };
    let expired = OldTenantRows { at: "expires_ms", only: "ended_ms is null", ..ended };
    let keep = Keep::days("TRUNKLINE_INVITATION_RETENTION", 90);
    handlers
        .job::<jobs::SendInvitationEmail>()
        .sweep(Sweep::tenant_rows("invitations", keep, ended))
        .sweep(Sweep::tenant_rows("expired-invitations", keep, expired));
}
