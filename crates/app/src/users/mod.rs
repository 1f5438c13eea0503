//! People who sign in, their memberships, and impersonation.
//!
//! A person belongs to the installation and may be in several organizations; a member is a person in one of them.

mod actions;
mod directory;
mod impersonation;
mod jobs;
mod model;
mod mutations;
mod queries;
mod roles;
mod store;

use engine::{Handlers, Registry};

pub use actions::SyncCurrentUser;
pub use directory::Members;
pub use impersonation::{GetImpersonationStatus, StartImpersonating, StopImpersonating, Stopped};
pub use model::{Colleague, ListedMember, MemberStatus, User, UserId};
pub(crate) use model::{Membership, Person, email};
pub use mutations::{RemoveMember, RestoreMember, SyncUser, Synced};
pub(crate) use mutations::{ensure, enter, join, person};
pub use queries::{CountMembers, GetMe, ListMembers, MemberCounts, PageMembers};
pub(crate) use queries::{count, count_clients_of, find_active, has_active_email, is_anywhere, is_here, known};
pub use roles::ChangeRole;
pub(crate) use roles::check_customer;

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("users", "The members of an organization, and their roles")
        .query::<GetMe>()
        .query::<ListMembers>()
        .query::<PageMembers>()
        .query::<CountMembers>()
        .query::<GetImpersonationStatus>()
        .mutation::<SyncUser>()
        .mutation::<ChangeRole>()
        .mutation::<RemoveMember>()
        .mutation::<RestoreMember>()
        .mutation::<StartImpersonating>()
        .mutation::<StopImpersonating>()
        .action::<SyncCurrentUser>();
}

/// Registers the jobs of this feature.
pub(crate) fn handle(handlers: &mut Handlers) {
    handlers.job::<jobs::EndImpersonation>();
}
