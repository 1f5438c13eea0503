//! Changes the role of a member.

use ::store::Reader;
use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, patch};
use kernel::{Access, Code, Error, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{User, UserId, model::Membership, queries::find_active, store};
use crate::{
    assignments,
    billing::{self, Seat},
    customers::{self, CustomerId},
};

/// Change the role of a member. A client needs a customer; other roles have none.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRole {
    /// The member.
    pub user_id: UserId,
    /// The new role.
    pub role: Role,
    /// The customer that a client belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
}

#[async_trait]
impl Mutation for ChangeRole {
    const NAME: &'static str = "users:changeRole";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = patch("/v1/users/{userId}/role");
    type Output = User;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<User> {
        let before = find_active(ctx.db, &self.user_id).await?;
        let own = ctx.caller().role();
        owners_only(own, before.role)?;
        owners_only(own, self.role)?;
        check_customer(ctx.db, self.role, self.customer_id.as_ref()).await?;
        if self.role != Role::Owner {
            keep_an_owner(ctx.db, &before).await?;
        }
        let (now, seat) = (ctx.now(), Seat::of(self.role));
        if Seat::of(before.role) != seat {
            billing::room_for_one(ctx.db, seat, now).await?;
        }
        if before.role == Role::Staff && self.role != Role::Staff {
            assignments::remove_all_of_staff(ctx.db, &self.user_id).await?;
        }
        store::end_impersonations_with(ctx.db, &self.user_id).await?;
        let after = Membership { role: self.role, customer: self.customer_id, updated: now, ..before };
        store::upsert(ctx.db, &after).await?;
        Ok(after.user())
    }
}

/// Only owners may change what concerns owners.
pub(super) fn owners_only(own: Option<Role>, concerned: Role) -> Result<()> {
    if concerned == Role::Owner && own != Some(Role::Owner) {
        return Err(Error::new(Code::Forbidden, "owner_needed", "only an owner can do this to an owner"));
    }
    Ok(())
}

/// Refuses a change that would leave the organization without an owner.
pub(super) async fn keep_an_owner(db: &mut Reader, leaving: &Membership) -> Result<()> {
    if leaving.role != Role::Owner {
        return Ok(());
    }
    let counts = store::counts(db).await?;
    let owners = counts.into_iter().find(|(role, _)| *role == Role::Owner).map_or(0, |(_, count)| count);
    if owners > 1 {
        return Ok(());
    }
    Err(Error::conflict("last_owner", "this is the last owner: make another member an owner first"))
}

/// Checks that a client has a customer, and that other roles have none.
pub(crate) async fn check_customer(db: &mut Reader, role: Role, customer: Option<&CustomerId>) -> Result<()> {
    match (role, customer) {
        (Role::Client, Some(customer)) => customers::find(db, customer).await.map(drop),
        (Role::Client, None) => {
            Err(Error::bad_request("customer_needed", "a client needs a customer: say which by customerId"))
        }
        (Role::Owner | Role::Admin | Role::Staff | Role::Viewer, None) => Ok(()),
        (Role::Owner | Role::Admin | Role::Staff | Role::Viewer, Some(_)) => {
            Err(Error::bad_request("customer_unneeded", "only a client has a customer: leave customerId out"))
        }
    }
}
