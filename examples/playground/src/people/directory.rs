//! The directory of a product without members.

use async_trait::async_trait;
use engine::{Caller, Directory, Identity};
use kernel::{OrgId, Result};
use store::Tx;

/// The one organization.
const BUILT_IN: &str = "org_00000000000000000000000000";

/// The directory that lets every caller act in the one organization.
pub(crate) struct Everybody;

#[async_trait]
impl Directory for Everybody {
    async fn organization(&self, _tx: &mut Tx, _identity: &Identity, _wanted: Option<&str>) -> Result<Option<OrgId>> {
        OrgId::parse(BUILT_IN).map(Some)
    }

    async fn caller(&self, _tx: &mut Tx, organization: Option<&OrgId>, identity: &Identity) -> Result<Caller> {
        Ok(Caller {
            identity: identity.clone(),
            organization: organization.cloned(),
            member: None,
            key_role: None,
            until: None,
        })
    }
}
