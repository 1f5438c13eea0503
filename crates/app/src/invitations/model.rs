//! An invitation.

use std::time::Duration;

use engine::{Place, Placed};
use kernel::{Code, Error, Id, OrgId, Result, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{customers::CustomerId, users::UserId};

kernel::id_prefix! {
    /// The kind of id of an invitation.
    pub InvitationPrefix = "inv" in "invitations"
}

/// The id of an invitation.
pub type InvitationId = Id<InvitationPrefix>;

/// How long an invitation can be accepted.
pub(super) const LASTS: Duration = Duration::from_secs(7 * 86_400);

/// A person who was asked to join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// `inv_…`
    #[serde(rename = "_id")]
    pub id: InvitationId,
    /// When it was sent for the first time.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// Where it was sent.
    pub email: String,
    /// Who asked them to join.
    pub org_id: OrgId,
    /// What they will be.
    pub role: Role,
    /// Whose person a client will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Who sent it; absent where that was no person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter_user_id: Option<UserId>,
    /// When it was sent for the first time.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
}

/// An invitation that waits to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// What the client's company is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
}

/// Lists of invitations begin with the newest.
impl Placed for PendingInvitation {
    fn place(&self) -> Place {
        let Invitation { id, created_at, .. } = &self.invitation;
        Place(vec![created_at.ms().into(), id.as_str().into()])
    }
}

/// What somebody can be invited as: an owner is made by an owner, among those who are there.
pub(super) fn check_role(role: Role) -> Result<()> {
    match role {
        Role::Admin | Role::Staff | Role::Viewer | Role::Client => Ok(()),
        Role::Owner => Err(Error::new(
            Code::BadRequest,
            "role_not_invitable",
            "nobody is invited as an owner: invite an admin, and change the role later",
        )),
    }
}

/// Says that there is no such invitation, or none for whoever asks.
pub(super) fn unknown() -> Error {
    Error::not_found("invitation_not_found", "there is no such invitation: it was accepted, revoked or has expired")
}
