//! Creates, rotates and revokes API keys.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Code, Error, Result, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ApiKey, NewKey,
    model::{ApiKeyId, check_scopes, fresh, hash, hex, hint},
    store,
};
use crate::Name;

/// The greatest number of valid keys of one organization.
const MOST: i64 = 100;
/// How long the previous text of a rotated key stays valid by default.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// The longest time that the previous text may stay valid, in milliseconds: 30 days.
const LONGEST_GRACE: u64 = 30 * 24 * 3600 * 1000;

/// Create an API key. The answer is the only one that holds its secret text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiKey {
    /// The name of the key, for people.
    pub name: Name,
    /// The role whose rights the key has. An admin cannot create a key with more rights than their own.
    pub role: Role,
    /// The operations that the key may call: `customers:list`, or `customers:*`. Empty means all that its role allows.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When the key expires, in milliseconds; absent for a key that does not expire.
    #[serde(default)]
    pub expires_at: Option<Time>,
}

#[async_trait]
impl Mutation for CreateApiKey {
    const NAME: &'static str = "apiKeys:create";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/api-keys");
    const SHOWN_ONCE: bool = true;
    type Output = NewKey;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<NewKey> {
        check_scopes(&self.scopes)?;
        if self.role == Role::Client {
            return Err(Error::bad_request("role_of_a_person", "a client is a person of a customer, never a key"));
        }
        if self.role == Role::Owner && ctx.caller().role() != Some(Role::Owner) {
            return Err(Error::new(Code::Forbidden, "role_insufficient", "only an owner can make a key for an owner"));
        }
        if self.expires_at.is_some_and(|end| end <= ctx.now()) {
            return Err(Error::bad_request("expiry_past", "expiresAt is in the past: it is a moment in milliseconds"));
        }
        if store::count(ctx.db).await? >= MOST {
            let message = format!("an organization has at most {MOST} keys: revoke one that is no longer used");
            return Err(Error::new(Code::LimitReached, "api_key_limit_reached", message));
        }
        let key = fresh(ctx.world());
        let api_key = ApiKey {
            id: ctx.new_id(),
            creation_time: ctx.now(),
            name: self.name.to_string(),
            role: self.role,
            scopes: self.scopes,
            hint: hint(&key),
            expires_at: self.expires_at,
            previous_until: None,
            revoked_at: None,
            last_used_at: None,
        };
        let by = ctx.caller().member.as_ref().map(|member| member.user.to_string());
        let (hash, organization) = (hex(&hash(&key)), ctx.organization()?.clone());
        store::insert(ctx.db, &api_key, &hash, by).await?;
        store::point(ctx.db, &hash, &organization, &api_key.id).await?;
        Ok(NewKey { id: api_key.id, key })
    }
}

/// Replace the secret text of an API key. The previous text stays valid for a while, so that programs can be changed
/// over.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateApiKey {
    /// `key_…`
    pub api_key_id: ApiKeyId,
    /// How long the previous text stays valid, in milliseconds; a day by default, at most 30 days.
    #[serde(default)]
    pub grace_ms: Option<u64>,
}

#[async_trait]
impl Mutation for RotateApiKey {
    const NAME: &'static str = "apiKeys:rotate";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/api-keys/{apiKeyId}/rotate");
    const SHOWN_ONCE: bool = true;
    type Output = NewKey;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<NewKey> {
        let grace = self.grace_ms.map_or(GRACE, Duration::from_millis);
        if grace > Duration::from_millis(LONGEST_GRACE) {
            return Err(Error::bad_request("grace_too_long", "graceMs is at most 30 days"));
        }
        let before = find_valid(ctx, &self.api_key_id).await?;
        let key = fresh(ctx.world());
        let (hash, organization) = (hex(&hash(&key)), ctx.organization()?.clone());
        let until = ctx.now() + grace;
        store::rotate(ctx.db, &self.api_key_id, &hash, &hint(&key), until).await?;
        store::point(ctx.db, &hash, &organization, &self.api_key_id).await?;
        store::forget_others(ctx.db, &self.api_key_id, &[&hash, &before.hash]).await?;
        Ok(NewKey { id: self.api_key_id, key })
    }
}

/// Revoke an API key, with immediate effect.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokeApiKey {
    /// `key_…`
    pub api_key_id: ApiKeyId,
}

#[async_trait]
impl Mutation for RevokeApiKey {
    const NAME: &'static str = "apiKeys:revoke";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/api-keys/{apiKeyId}/revoke");
    type Output = ApiKey;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<ApiKey> {
        let now = ctx.now();
        store::revoke(ctx.db, &self.api_key_id, now).await?;
        store::one(ctx.db, &self.api_key_id).await?.ok_or_else(unknown)
    }
}

/// Reads a key that is neither revoked nor expired.
async fn find_valid(ctx: &mut MutationCtx<'_>, id: &ApiKeyId) -> Result<store::KeyRow> {
    let row = store::find_key(ctx.db, id).await?.ok_or_else(unknown)?;
    match row.revoked_at {
        None => Ok(row),
        Some(_) => Err(Error::conflict("api_key_revoked", "this key was revoked: make a new one")),
    }
}

fn unknown() -> Error {
    Error::not_found("api_key_unknown", "there is no such API key")
}
