//! An organization as its members see it: with its subscription and its limits.

use ::store::Reader;
use kernel::{Error, OrgId, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExternalId, Organization, store};
use crate::{
    Email,
    billing::{self, PlanStatus, Seat},
};

/// An organization, with its subscription and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `org_…`
    #[serde(rename = "_id")]
    pub id: OrgId,
    /// When the organization was created.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The name.
    pub name: String,
    /// The e-mail address for bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_email: Option<Email>,
    /// The ids of the organization in other systems.
    pub external_ids: Vec<ExternalId>,
    /// The payments vendor's id of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// The status of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_status: Option<PlanStatus>,
    /// The product of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The end of the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_ends_at: Option<Time>,
    /// When the subscription ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// The number of customers that the plan allows.
    pub max_customers: i64,
    /// The number of members with any role but client that the plan allows.
    pub max_staff: i64,
    /// The number of members with the role client that the plan allows.
    pub max_clients: i64,
    /// When the organization was created.
    pub created_at: Time,
    /// When the organization was last changed.
    pub updated_at: Time,
}

/// The fields that an organization can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    pub name: String,
    pub billing_email: Option<Email>,
    pub updated: Time,
}

/// Returns the organization of this transaction.
pub(super) async fn account(db: &mut Reader, id: &OrgId, now: Time) -> Result<Account> {
    let organization = store::one(db, id).await?.ok_or_else(unknown)?;
    let details = store::details(db, id).await?.ok_or_else(unknown)?;
    let external_ids = store::names(db, id).await?;
    let plan = billing::plan(db, now).await?;
    let Organization { id, creation_time, .. } = organization;
    let limits = [Seat::Customer, Seat::Staff, Seat::Client].map(|seat| plan.allows(seat));
    let paid = plan.subscription.as_ref();
    Ok(Account {
        id,
        creation_time,
        name: details.name,
        billing_email: details.billing_email,
        external_ids,
        subscription_id: paid.map(|paid| paid.external_id.clone()),
        subscription_status: paid.map(billing::status),
        plan_id: paid.and_then(|paid| paid.plan_id.clone()),
        trial_ends_at: paid.and_then(|paid| paid.trial_ends_at),
        ends_at: paid.and_then(|paid| paid.ends_at),
        max_customers: limits[0],
        max_staff: limits[1],
        max_clients: limits[2],
        created_at: creation_time,
        updated_at: details.updated,
    })
}

pub(super) fn unknown() -> Error {
    Error::not_found("organization_not_found", "there is no such organization")
}
