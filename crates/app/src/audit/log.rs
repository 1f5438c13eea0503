//! Writes an entry of the audit log for every mutation.

use ::store::Tx;
use async_trait::async_trait;
use engine::{Audit, Change};
use kernel::Result;

use super::{
    AuditEntry,
    model::{means, subject, without_secrets},
    store,
};

/// Writes the audit log of every organization.
pub struct Log;

#[async_trait]
impl Audit for Log {
    async fn record(&self, tx: &mut Tx, change: &Change<'_>) -> Result<()> {
        // A change outside of organizations, such as signing in, is not recorded: every entry of the log belongs to an organization.
        if tx.scope().organization().is_none() {
            return Ok(());
        }
        let member = change.caller.member.as_ref();
        let impersonator = member.and_then(|member| member.impersonator.clone());
        let entry = AuditEntry {
            id: change.world.new_id(),
            creation_time: change.at,
            operation: change.operation.to_owned(),
            user_id: member.map(|member| member.user.to_string()),
            actor: change.caller.display_name(),
            impersonator_id: impersonator.as_ref().map(|(user, _)| user.to_string()),
            impersonator: impersonator.map(|(_, name)| name),
            means: means(change.caller).to_owned(),
            subject: subject(change.operation, change.arguments, change.output),
            arguments: without_secrets(change.arguments),
            origin: change.origin.map(ToOwned::to_owned),
        };
        store::insert(tx, &entry).await
    }
}
