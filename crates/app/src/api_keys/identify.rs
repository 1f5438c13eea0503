//! Resolves an API key that a program showed to its organization and its rights.

use std::{sync::Arc, time::Duration};

use ::store::{Db, Reader};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use engine::{Caller, Identity, KeyHolder, World};
use kernel::{Code, Error, Result, Scope, Time};

use super::{
    model::{ApiKeyId, BEGINNING, hash, hex},
    store::{self, KeyRow},
};

/// The time of last use is stored to the minute: a write for each call would cost more than the calls.
const LAST_USED_INTERVAL: Duration = Duration::from_secs(60);

/// Finds the organization of an API key. The rights of the key are read again in every call's own transaction.
///
/// # Errors
/// `Unauthenticated` when the key is unknown, revoked or expired.
pub async fn identify(db: &Db, world: &World, key: &str) -> Result<Identity> {
    let well_formed = key.strip_prefix(BEGINNING).is_some_and(|rest| rest.len() == 64);
    if !well_formed {
        return Err(unknown());
    }
    let shown = hash(key);
    let name = hex(&shown);
    let owner = db.read(&Scope::System, |tx| Box::pin(async move { store::owner(tx, &name).await })).await?;
    let (organization, id) = owner.ok_or_else(unknown)?;
    let scope = Scope::Organization(organization.clone());
    let looked_up = id.clone();
    let row = db.read(&scope, |tx| Box::pin(async move { store::find_key(tx, &looked_up).await })).await?;
    let row = row.filter(|row| row.admits(&shown, world.now())).ok_or_else(unknown)?;
    if row.last_used_at.is_none_or(|last| last + LAST_USED_INTERVAL <= world.now()) {
        note_use(db, &scope, &id, world.now()).await;
    }
    Ok(Identity::Key(Arc::new(KeyHolder { id, organization, hash: shown, scopes: row.scopes })))
}

async fn note_use(db: &Db, scope: &Scope, id: &ApiKeyId, now: Time) {
    let id = id.clone();
    let write = ::store::work(move |tx| {
        let id = id.clone();
        Box::pin(async move { store::used(tx, &id, now).await })
    });
    if let Err(error) = db.write(scope, write).await {
        tracing::warn!(?error, "the use of an API key was not noted");
    }
}

/// Reads the rights of an API key, in a transaction of the key's organization.
///
/// # Errors
/// `Unauthenticated` when the key has been revoked or has expired.
pub async fn key_caller(db: &mut Reader, key: &Arc<KeyHolder>, now: Time) -> Result<Caller> {
    let row = store::find_key(db, &key.id).await?.filter(|row| row.admits(&key.hash, now)).ok_or_else(unknown)?;
    Ok(Caller {
        identity: Identity::Key(key.clone()),
        organization: Some(key.organization.clone()),
        member: None,
        key_role: Some(row.role),
        until: row.ends(&key.hash),
    })
}

impl KeyRow {
    /// Returns whether a key with the hash `shown` is valid at `now`.
    fn admits(&self, shown: &[u8; 32], now: Time) -> bool {
        let before = self.previous_hash.as_deref().is_some_and(|kept| is_same(kept, shown))
            && self.previous_until.is_some_and(|end| now < end);
        let good = self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end);
        good && (is_same(&self.hash, shown) || before)
    }

    /// Returns when a key with the hash `shown` expires; none when it does not.
    fn ends(&self, shown: &[u8; 32]) -> Option<Time> {
        let grace = self.previous_until.filter(|_| !is_same(&self.hash, shown));
        self.expires_at.into_iter().chain(grace).min()
    }
}

fn is_same(kept: &str, shown: &[u8; 32]) -> bool {
    verify_slices_are_equal(kept.as_bytes(), hex(shown).as_bytes()).is_ok()
}

fn unknown() -> Error {
    Error::new(Code::Unauthenticated, "api_key_unknown", "this API key is not known here, was revoked, or has expired")
}
