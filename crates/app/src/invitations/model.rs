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

/// An invitation to join an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// `inv_…`
    #[serde(rename = "_id")]
    pub id: InvitationId,
    /// When the invitation was first sent.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The e-mail address that the invitation was sent to.
    pub email: String,
    /// The organization.
    pub org_id: OrgId,
    /// The role that the person will have.
    pub role: Role,
    /// The customer that a client will belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The person who sent the invitation; absent when it was sent by an API key or an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter_user_id: Option<UserId>,
    /// When the invitation was first sent.
    pub created_at: Time,
    /// When the invitation expires.
    pub expires_at: Time,
}

/// A pending invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// The name of the customer that a client will belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
}

/// Lists of invitations are sorted newest first.
impl Placed for PendingInvitation {
    fn place(&self) -> Place {
        let Invitation { id, created_at, .. } = &self.invitation;
        Place(vec![created_at.ms().into(), id.as_str().into()])
    }
}

/// Checks the role of an invitation: owners are not invited, but chosen by an owner among the members.
pub(super) fn check_role(role: Role) -> Result<()> {
    match role {
        Role::Admin | Role::Staff | Role::Viewer | Role::Client => Ok(()),
        Role::Owner => Err(Error::new(
            Code::BadRequest,
            "role_not_invitable",
            "an owner cannot be invited: invite an admin, and change the role later",
        )),
    }
}

/// The error for an invitation that does not exist, or that the caller may not accept.
pub(super) fn unknown() -> Error {
    Error::not_found("invitation_not_found", "there is no such invitation: it was accepted, revoked or has expired")
}
