//! Sends the e-mail of an invitation.

use ::store::Tx;
use async_trait::async_trait;
use engine::{Job, JobCtx};
use kernel::{Result, Time};
use provider::email::{Mail, Sender};
use serde::{Deserialize, Serialize};

use super::{Invitation, InvitationId, store};
use crate::organizations;

/// Sends an invitation by e-mail, unless it is no longer pending.
#[derive(Serialize, Deserialize)]
pub(super) struct SendInvitationEmail {
    pub invitation: InvitationId,
}

#[async_trait]
impl Job for SendInvitationEmail {
    const NAME: &'static str = "send_invitation_email";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let now = ctx.now();
        let mail = ctx.read(|tx| Box::pin(async move { mail(tx, &self.invitation, now).await }));
        match mail.await? {
            Some(mail) => ctx.tool::<Sender>()?.send(&mail, &ctx.idempotency_key()).await,
            None => Ok(()),
        }
    }
}

async fn mail(tx: &mut Tx, invitation: &InvitationId, now: Time) -> Result<Option<Mail>> {
    let open = store::find_open(tx, invitation).await?;
    let Some(invitation) = open.filter(|open| open.expires_at > now) else { return Ok(None) };
    let organization = organizations::name_of(tx, &invitation.org_id).await?;
    Ok(Some(worded(&invitation, &organization)))
}

fn worded(invitation: &Invitation, organization: &str) -> Mail {
    let Invitation { id, email, role, expires_at, .. } = invitation;
    let role = role.as_str();
    Mail {
        to: email.clone(),
        subject: format!("You are invited to {organization}"),
        text: format!(
            "{organization} invites you to join as {role}.\n\nSign in with {email} before {expires_at} to accept.\n\n\
             Invitation {id}\n"
        ),
    }
}
