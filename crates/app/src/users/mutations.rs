//! Adds, removes and restores members.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Claims, Identity, Mutation, MutationCtx, delete, operation::Route, post};
use kernel::{Access, Code, Error, OrgId, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    MemberJoined, User, UserId,
    model::{Membership, Person, Profile, unknown},
    queries::find_active,
    roles::{check_customer, keep_an_owner, owners_only},
    store,
};
use crate::{
    assignments,
    billing::{self, Seat},
    customers::CustomerId,
    invitations, organizations,
};

/// Bring your profile, your membership or your pending invitation up to date.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SyncUser {}

/// The membership of a person after they signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// Whether the person is stored now.
    pub synced: bool,
    /// Whether the person is in an organization.
    pub has_org: bool,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

#[async_trait]
impl Mutation for SyncUser {
    const NAME: &'static str = "users:sync";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: Route = post("/v1/users/sync");
    type Output = Synced;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Synced> {
        let claims = person(ctx)?;
        let own = ensure(ctx, &claims).await?;
        if let Some(member) = &ctx.caller().member {
            let org_id = ctx.caller().organization.clone();
            return Ok(Synced { synced: true, has_org: true, org_id, role: Some(member.role) });
        }
        let place = match invitations::accept_pending(ctx, &claims, &own).await? {
            Some(joined) => Some(joined),
            None => by_claims(ctx, &claims, &own).await?,
        };
        Ok(Synced {
            synced: true,
            has_org: place.is_some(),
            role: place.as_ref().map(|place| place.role),
            org_id: place.map(|place| place.organization),
        })
    }
}

/// Remove a member. The member loses all access, and can be restored.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoveMember {
    /// The member.
    pub user_id: UserId,
}

#[async_trait]
impl Mutation for RemoveMember {
    const NAME: &'static str = "users:remove";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = delete("/v1/users/{userId}");
    type Output = User;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<User> {
        let before = find_active(ctx.db, &self.user_id).await?;
        owners_only(ctx.caller().role(), before.role)?;
        keep_an_owner(ctx.db, &before).await?;
        assignments::remove_all_of_staff(ctx.db, &self.user_id).await?;
        store::end_impersonations_with(ctx.db, &self.user_id).await?;
        store::delete_index(ctx.db, &self.user_id, &before.organization).await?;
        let now = ctx.now();
        let after = Membership { updated: now, removed: Some(now), ..before };
        store::upsert(ctx.db, &after).await?;
        Ok(after.user())
    }
}

/// Restore a removed member, with the role that they had.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreMember {
    /// The member.
    pub user_id: UserId,
}

#[async_trait]
impl Mutation for RestoreMember {
    const NAME: &'static str = "users:restore";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/users/{userId}/restore");
    type Output = User;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<User> {
        let before = store::find(ctx.db, &self.user_id).await?.ok_or_else(|| unknown(&self.user_id))?;
        if before.is_active() {
            return Err(Error::conflict("member_active", "this member was not removed"));
        }
        owners_only(ctx.caller().role(), before.role)?;
        check_customer(ctx.db, before.role, before.customer.as_ref()).await?;
        let now = ctx.now();
        billing::room_for_one(ctx.db, Seat::of(before.role), now).await?;
        let after = Membership { updated: now, removed: None, ..before };
        store::upsert(ctx.db, &after).await?;
        store::insert_index(ctx.db, &self.user_id, &after.organization, now).await?;
        ctx.emit(MemberJoined { user: self.user_id, role: after.role }).await?;
        Ok(after.user())
    }
}

/// Returns the token of a caller who is a person.
///
/// # Errors
/// `Forbidden` for API keys and operators.
pub(crate) fn person(ctx: &MutationCtx<'_>) -> Result<Arc<Claims>> {
    match &ctx.caller().identity {
        Identity::Token(claims) => Ok(claims.clone()),
        Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => {
            Err(Error::new(Code::Forbidden, "person_needed", "only a signed-in person can do this"))
        }
    }
}

/// Returns the person of a token, stored as the token describes them; a new person is added.
///
/// Persons are never matched by their e-mail address: two subjects are two people.
pub(crate) async fn ensure(ctx: &mut MutationCtx<'_>, claims: &Claims) -> Result<Person> {
    let (now, subject) = (ctx.now(), claims.token_identifier());
    let Some(id) = store::user_of(ctx.db, &subject).await? else {
        let profile = Profile::of(claims, Profile::default());
        let new = Person { id: ctx.new_id(), profile, created: now, updated: now };
        store::insert_person(ctx.db, &new, &subject).await?;
        return Ok(new);
    };
    let before = store::person(ctx.db, &id).await?.ok_or_else(|| unknown(&id))?;
    let profile = Profile::of(claims, before.profile.clone());
    if profile == before.profile {
        return Ok(before);
    }
    let after = Person { profile, updated: now, ..before };
    store::update_person(ctx.db, &after, &subject).await?;
    Ok(after)
}

/// Binds the transaction to `organization`, for a caller who is not a member of it yet.
///
/// # Errors
/// `Conflict` when the caller acts in another organization.
pub(crate) async fn enter(ctx: &mut MutationCtx<'_>, organization: &OrgId) -> Result<()> {
    if ctx.caller().organization.is_some() {
        return Err(Error::conflict(
            "organization_entered",
            "you act in an organization already: ask in none of yours, with X-Organization: none",
        ));
    }
    ctx.db.enter(organization).await
}

/// Makes a person a member of the organization of this transaction. A removed member is restored with this role.
pub(crate) async fn join(
    ctx: &mut MutationCtx<'_>,
    organization: &OrgId,
    person: Person,
    role: Role,
    customer: Option<CustomerId>,
) -> Result<Membership> {
    let now = ctx.now();
    let new = Membership {
        person,
        organization: organization.clone(),
        role,
        customer,
        joined: now,
        updated: now,
        removed: None,
    };
    store::upsert(ctx.db, &new).await?;
    store::insert_index(ctx.db, &new.person.id, organization, now).await?;
    ctx.emit(MemberJoined { user: new.person.id.clone(), role }).await?;
    Ok(new)
}

/// Makes a person a member because their token says so. A member who was removed here stays removed, whatever the
/// issuer says. A client cannot join in this way, because no token names the customer that they belong to.
async fn by_claims(ctx: &mut MutationCtx<'_>, claims: &Claims, own: &Person) -> Result<Option<Membership>> {
    let (Some(name), Some(role)) = (&claims.organization, &claims.role) else { return Ok(None) };
    let (Some(organization), Ok(role)) = (organizations::named(ctx.db, name).await?, Role::parse(role)) else {
        return Ok(None);
    };
    enter(ctx, &organization).await?;
    if let Some(known) = store::find(ctx.db, &own.id).await? {
        return Ok(Some(known).filter(Membership::is_active));
    }
    if role == Role::Client {
        return Ok(None);
    }
    let now = ctx.now();
    billing::room_for_one(ctx.db, Seat::of(role), now).await?;
    join(ctx, &organization, own.clone(), role, None).await.map(Some)
}
