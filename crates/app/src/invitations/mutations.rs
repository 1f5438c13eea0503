//! Sends, revokes and accepts invitations.

use async_trait::async_trait;
use engine::{Claims, Mutation, MutationCtx, NewJob, delete, operation::Route, post};
use kernel::{Access, Error, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Invitation, InvitationId,
    jobs::SendInvitationEmail,
    model::{LASTS, check_role, unknown},
    store::{self, IndexEntry},
};
use crate::{
    Email,
    billing::{self, Seat},
    customers::CustomerId,
    organizations,
    users::{self, Membership, Person, User},
};

/// Invite a person. A client needs a customer.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendInvitation {
    /// The e-mail address: a person who signs in with it can accept the invitation.
    pub email: Email,
    /// The role: admin, staff, viewer or client.
    pub role: Role,
    /// The customer that a client will belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationRef {
    /// `inv_…`
    pub invitation_id: InvitationId,
}

#[async_trait]
impl Mutation for SendInvitation {
    const NAME: &'static str = "invitations:send";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/invitations");
    type Output = InvitationRef;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<InvitationRef> {
        check_role(self.role)?;
        users::check_customer(ctx.db, self.role, self.customer_id.as_ref()).await?;
        let (now, email) = (ctx.now(), self.email.key());
        if users::has_active_email(ctx.db, &email).await? {
            return Err(Error::conflict("already_member", "a member has this e-mail address already"));
        }
        if let Some(open) = store::open(ctx.db, &email).await? {
            if open.expires_at > now {
                return Err(Error::conflict("invitation_pending", "this address was invited already: resend that")
                    .context("invitation_id", open.id.as_str()));
            }
            store::end(ctx.db, &open.id, now).await?;
        }
        billing::room_for_one(ctx.db, Seat::of(self.role), now).await?;
        let invitation = Invitation {
            id: ctx.new_id(),
            creation_time: now,
            email,
            org_id: ctx.organization()?.clone(),
            role: self.role,
            customer_id: self.customer_id,
            inviter_user_id: ctx.caller().member.as_ref().map(|member| member.user.clone()),
            created_at: now,
            expires_at: now + LASTS,
        };
        store::insert(ctx.db, &invitation).await?;
        mail(ctx, &invitation.id).await?;
        Ok(InvitationRef { invitation_id: invitation.id })
    }
}

/// Send an invitation again. It can be accepted for seven days from now.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResendInvitation {
    /// The invitation.
    pub invitation_id: InvitationId,
}

#[async_trait]
impl Mutation for ResendInvitation {
    const NAME: &'static str = "invitations:resend";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/invitations/{invitationId}/resend");
    type Output = InvitationRef;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<InvitationRef> {
        let invitation = store::find_open(ctx.db, &self.invitation_id).await?.ok_or_else(unknown)?;
        let now = ctx.now();
        if invitation.expires_at <= now {
            // An expired invitation no longer takes a seat.
            billing::room_for_one(ctx.db, Seat::of(invitation.role), now).await?;
        }
        users::check_customer(ctx.db, invitation.role, invitation.customer_id.as_ref()).await?;
        store::extend(ctx.db, &invitation.id, now + LASTS).await?;
        mail(ctx, &invitation.id).await?;
        Ok(InvitationRef { invitation_id: invitation.id })
    }
}

/// Revoke an invitation.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokeInvitation {
    /// The invitation.
    pub invitation_id: InvitationId,
}

#[async_trait]
impl Mutation for RevokeInvitation {
    const NAME: &'static str = "invitations:revoke";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = delete("/v1/invitations/{invitationId}");
    type Output = InvitationRef;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<InvitationRef> {
        let invitation = store::find_open(ctx.db, &self.invitation_id).await?.ok_or_else(unknown)?;
        let now = ctx.now();
        store::end(ctx.db, &invitation.id, now).await?;
        Ok(InvitationRef { invitation_id: invitation.id })
    }
}

/// Accept an invitation that was sent to the e-mail address that you signed in with; by default the newest.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptInvitation {
    /// The invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_id: Option<InvitationId>,
}

#[async_trait]
impl Mutation for AcceptInvitation {
    const NAME: &'static str = "invitations:accept";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: Route = post("/v1/invitations/accept");
    type Output = User;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<User> {
        let claims = users::person(ctx)?;
        let own = users::ensure(ctx, &claims).await?;
        let sent = sent_to(ctx, &claims).await?;
        let chosen = sent.into_iter().find(|sent| self.invitation_id.as_ref().is_none_or(|id| *id == sent.id));
        accept(ctx, &chosen.ok_or_else(unknown)?, own).await.map(Membership::user)
    }
}

/// Accepts the newest pending invitation of a person who has just signed in: of the organization that their token
/// names, or of any organization when the token names none that exists.
pub(crate) async fn accept_pending(
    ctx: &mut MutationCtx<'_>,
    claims: &Claims,
    own: &Person,
) -> Result<Option<Membership>> {
    let claimed = match &claims.organization {
        Some(name) => organizations::named(ctx.db, name).await?,
        None => None,
    };
    let sent = sent_to(ctx, claims).await?;
    let fits = |sent: &IndexEntry| claimed.as_ref().is_none_or(|claimed| *claimed == sent.organization);
    match sent.into_iter().find(fits) {
        Some(sent) => accept(ctx, &sent, own.clone()).await.map(Some),
        None => Ok(None),
    }
}

/// Returns the invitations that were sent to the e-mail address of a token, newest first.
async fn sent_to(ctx: &mut MutationCtx<'_>, claims: &Claims) -> Result<Vec<IndexEntry>> {
    let Some(email) = users::email(claims) else { return Ok(Vec::new()) };
    let now = ctx.now();
    store::sent_to(ctx.db, &email.key(), now).await
}

/// Makes the person a member with the role of the invitation.
async fn accept(ctx: &mut MutationCtx<'_>, sent: &IndexEntry, own: Person) -> Result<Membership> {
    users::enter(ctx, &sent.organization).await?;
    let now = ctx.now();
    let invitation = store::find_open(ctx.db, &sent.id).await?.ok_or_else(unknown)?;
    if users::is_here(ctx.db, &own.id).await? {
        return Err(Error::conflict("already_member", "you are a member of this organization already"));
    }
    // The invitation's own seat is free from here on; the plan may allow fewer seats than when it was sent.
    store::end(ctx.db, &invitation.id, now).await?;
    billing::room_for_one(ctx.db, Seat::of(invitation.role), now).await?;
    let Invitation { role, customer_id, .. } = invitation;
    users::check_customer(ctx.db, role, customer_id.as_ref()).await?;
    users::join(ctx, &sent.organization, own, role, customer_id).await
}

async fn mail(ctx: &mut MutationCtx<'_>, invitation: &InvitationId) -> Result<()> {
    let job = SendInvitationEmail { invitation: invitation.clone() };
    ctx.enqueue(NewJob::new(&job)?).await.map(drop)
}
