//! People who sign in, their memberships, and impersonation.
//!
//! A person belongs to the installation and may be in several organizations; a member is a person in one of them.

mod actions;
mod directory;
mod domain;
mod erasure;
mod impersonation;
mod jobs;
mod model;
mod mutations;
mod queries;
mod roles;
mod store;

use std::time::Duration;

use engine::{Handlers, Keep, OldTenantRows, Registry, Sweep};

pub use actions::SyncCurrentUser;
pub use directory::Members;
pub use domain::MemberJoined;
pub(crate) use erasure::{erase_people, shut_out};
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

/// Registers the jobs of this feature, and the sweep that deletes impersonations that are over and that no job ended.
pub(crate) fn handle(handlers: &mut Handlers) {
    let over =
        OldTenantRows { table: "impersonations", key: &["user_id"], at: "ends_ms", only: "1 = 1", children: &[] };
    handlers.job::<jobs::EndImpersonation>().sweep(Sweep::tenant_rows(
        "impersonations",
        Keep::fixed(Duration::from_secs(86_400)),
        over,
    ));
}
