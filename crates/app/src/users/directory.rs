//! The directory: resolves the identity of a caller to a member of an organization.

use ::store::Tx;
use async_trait::async_trait;
use engine::{Caller, Claims, Directory, Identity, Member, World};
use kernel::{Code, Error, OrgId, Result, Role, Time};

use super::{Membership, store};
use crate::{api_keys, organizations};

/// The organization name by which a person acts in none of their organizations: to create another, or to accept an
/// invitation.
pub(super) const NONE: &str = "none";

/// The directory of members.
pub struct Members {
    world: World,
}

impl Members {
    /// Creates the directory; `world` is the clock by which impersonations end.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}

#[async_trait]
impl Directory for Members {
    async fn organization(&self, tx: &mut Tx, identity: &Identity, wanted: Option<&str>) -> Result<Option<OrgId>> {
        match identity {
            Identity::Anonymous => Ok(None),
            Identity::Token(claims) => chosen(tx, claims, wanted).await,
            // An API key belongs to one organization and cannot choose another.
            Identity::Key(key) => Ok(Some(key.organization.clone())),
            Identity::Operator(organization) => Ok(Some(organization.clone())),
            Identity::Job(job) => Ok(job.organization.clone()),
        }
    }

    async fn caller(&self, tx: &mut Tx, organization: Option<&OrgId>, identity: &Identity) -> Result<Caller> {
        let mut caller = Caller {
            identity: identity.clone(),
            organization: organization.cloned(),
            member: None,
            key_role: None,
            until: None,
        };
        match (identity, organization) {
            (Identity::Token(claims), Some(_)) => {
                let (member, until) = self.member(tx, claims).await?;
                (caller.member, caller.until) = (Some(member), until);
            }
            // An API key always has an organization.
            (Identity::Anonymous | Identity::Token(_), _) | (Identity::Key(_) | Identity::Job(_), None) => {}
            (Identity::Key(key), Some(_)) => return api_keys::key_caller(tx, key, self.world.now()).await,
            (Identity::Operator(_), _) | (Identity::Job(_), Some(_)) => caller.key_role = Some(Role::Owner),
        }
        Ok(caller)
    }
}

/// Returns the organization in which a person acts: the one that they ask for, else the one that their token names,
/// else the one that they joined last. A person who is a member of none yet acts in none, even where their token names
/// one: `users:syncCurrent` makes them a member.
async fn chosen(tx: &mut Tx, claims: &Claims, wanted: Option<&str>) -> Result<Option<OrgId>> {
    let memberships = store::organizations_of_subject(tx, &claims.token_identifier()).await?;
    let claimed = match &claims.organization {
        Some(name) => organizations::named(tx, name).await?,
        None => None,
    };
    match wanted {
        Some(NONE) => Ok(None),
        Some(wanted) => match organizations::named(tx, wanted).await? {
            Some(named) if memberships.contains(&named) => Ok(Some(named)),
            Some(named) if claimed.as_ref() == Some(&named) => Ok(None),
            // The answer does not reveal whether the organization exists.
            Some(_) | None => Err(not_yours(&memberships)),
        },
        None => match claimed {
            Some(claimed) => Ok(Some(claimed).filter(|claimed| memberships.contains(claimed))),
            None => Ok(memberships.into_iter().next()),
        },
    }
}

impl Members {
    /// Returns the member that a person acts as, and until when for an impersonation.
    async fn member(&self, tx: &mut Tx, claims: &Claims) -> Result<(Member, Option<Time>)> {
        let found = store::of_subject(tx, &claims.token_identifier()).await?;
        let own = found.filter(Membership::is_active).ok_or_else(gone)?;
        match self.impersonated(tx, &own).await? {
            Some((target, ends)) => {
                let impersonator = Some((own.person.id.clone(), own.person.profile.display_name()));
                Ok((Member { impersonator, ..target.member() }, Some(ends)))
            }
            None => Ok((own.member(), None)),
        }
    }

    /// Returns the member that an admin impersonates, and until when. The conditions under which the impersonation
    /// began must still hold.
    async fn impersonated(&self, tx: &mut Tx, own: &Membership) -> Result<Option<(Membership, Time)>> {
        if !own.role.is_admin() {
            return Ok(None);
        }
        let Some(running) = store::impersonation_of(tx, &own.person.id).await? else { return Ok(None) };
        if running.ends <= self.world.now() {
            return Ok(None);
        }
        let target = store::find(tx, &running.target).await?;
        let target = target.filter(|target| target.is_active() && may_act_as(own.role, target.role));
        Ok(target.map(|target| (target, running.ends)))
    }
}

/// Returns whether a member with the role `own` may impersonate one with the role `target`.
pub(super) fn may_act_as(own: Role, target: Role) -> bool {
    own == Role::Owner || (own == Role::Admin && target != Role::Owner)
}

fn gone() -> Error {
    Error::new(
        Code::Unauthenticated,
        "member_removed",
        "you are no member of this organization any more: sign in again",
    )
}

fn not_yours(memberships: &[OrgId]) -> Error {
    let ours: Vec<_> = memberships.iter().map(OrgId::as_str).collect();
    let message = if ours.is_empty() {
        "you are in no organization: leave X-Organization out".to_owned()
    } else {
        format!("choose an organization of yours by X-Organization: {}", ours.join(", "))
    };
    Error::new(Code::Forbidden, "organization_not_yours", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_acts_as_anybody_but_an_owner() {
        for target in Role::ALL {
            assert!(may_act_as(Role::Owner, target));
            assert_eq!(may_act_as(Role::Admin, target), target != Role::Owner);
            for own in [Role::Staff, Role::Viewer, Role::Client] {
                assert!(!may_act_as(own, target));
            }
        }
    }
}
