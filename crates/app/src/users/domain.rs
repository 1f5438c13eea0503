//! What other features can hear of.

use engine::DomainEvent;
use kernel::Role;
use serde::{Deserialize, Serialize};

use super::UserId;

/// Somebody became a member of the organization, or came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberJoined {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
}

impl DomainEvent for MemberJoined {
    const NAME: &'static str = "member.joined";

    fn subject(&self) -> Option<String> {
        Some(self.user.to_string())
    }
}
