//! Impersonation: an admin acts as another member of the same organization for up to an hour, to see what they see.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, NewJob, Query, QueryCtx, get, operation::Route, post};
use kernel::{Access, Code, Error, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    User, UserId,
    directory::may_act_as,
    jobs::EndImpersonation,
    model::Membership,
    queries::find_active,
    store::{self, Impersonation},
};

/// How long an impersonation lasts before it has to be started again.
const LASTS: Duration = Duration::from_secs(3600);

/// Act as another member, with their rights, for up to an hour.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartImpersonating {
    /// The member to impersonate.
    pub user_id: UserId,
}

#[async_trait]
impl Mutation for StartImpersonating {
    const NAME: &'static str = "users:startImpersonating";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/users/{userId}/impersonate");
    type Output = User;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<User> {
        let own = ctx.caller().member()?.clone();
        if own.impersonator.is_some() {
            return Err(Error::conflict(
                "impersonation_nested",
                "you are impersonating a member already: stop that first",
            ));
        }
        if own.user == self.user_id {
            return Err(Error::bad_request("impersonation_of_self", "you are this person already"));
        }
        let target = find_active(ctx.db, &self.user_id).await?;
        if !may_act_as(own.role, target.role) {
            return Err(Error::new(Code::Forbidden, "impersonation_of_owner", "an admin cannot act as an owner"));
        }
        let now = ctx.now();
        let ends = now + LASTS;
        let impersonation = Impersonation { target: self.user_id, ends };
        store::set_impersonation(ctx.db, &own.user, &impersonation, now).await?;
        ctx.enqueue(NewJob::new(&EndImpersonation {})?.at(ends)).await?;
        Ok(target.user())
    }
}

/// Stop impersonating.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct StopImpersonating {}

/// Whether an impersonation was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Whether you were impersonating a member.
    pub stopped: bool,
}

#[async_trait]
impl Mutation for StopImpersonating {
    const NAME: &'static str = "users:stopImpersonating";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = post("/v1/users/me/stop-impersonating");
    type Output = Stopped;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Stopped> {
        let Some((own, _)) = ctx.caller().member()?.impersonator.clone() else {
            return Ok(Stopped { stopped: false });
        };
        Ok(Stopped { stopped: store::end_impersonation(ctx.db, &own).await? })
    }
}

/// The member that you impersonate; null when you act as yourself.
#[derive(Deserialize, JsonSchema)]
pub struct GetImpersonationStatus {}

#[async_trait]
impl Query for GetImpersonationStatus {
    const NAME: &'static str = "users:impersonationStatus";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/users/me/impersonation");
    const PERSONAL: bool = true;
    type Output = Option<User>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<User>> {
        let Some(member) = ctx.caller()?.member.clone().filter(|member| member.impersonator.is_some()) else {
            return Ok(None);
        };
        Ok(store::find(ctx.db, &member.user).await?.map(Membership::user))
    }
}
