//! Who calls: first what they showed, then who they are in an organization.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kernel::{Access, Code, Error, OrgId, Result, Role, Time};
use serde_json::{Map, Value};
use store::Tx;

use crate::{
    ApiKeyId, CustomerId, UserId,
    queue::{Fence, JobId},
};

/// What a caller showed, verified: before anybody knows what it is worth in which organization.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// Nothing.
    Anonymous,
    /// A token of a configured issuer.
    Token(Arc<Claims>),
    /// An API key.
    Key(Arc<KeyHolder>),
    /// Whoever sits at the machine: the command line on the data folder, for this organization.
    Operator(OrgId),
    /// A job of an organization, which may do what an owner may.
    Job(Arc<JobCaller>),
}

/// A job that calls operations.
#[derive(Clone, Debug, PartialEq)]
pub struct JobCaller {
    /// Whose job it is.
    pub organization: Option<OrgId>,
    /// Its kind.
    pub kind: String,
    /// The claim of this run: what it calls is undone when that is lost.
    pub fence: Fence,
}

/// Somebody with a place to act in.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    /// What they showed.
    pub identity: Identity,
    /// In which organization they act.
    pub organization: Option<OrgId>,
    /// From where: an address, where one is known.
    pub origin: Option<String>,
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The organization that the issuer names, in the issuer's own words.
    pub organization: Option<String>,
    /// The role that the issuer names.
    pub role: Option<String>,
    /// The address, where the issuer vouches for it.
    pub email: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The address of a picture.
    pub picture: Option<String>,
    /// `exp`; of a token that came just after that, when the clocks of issuer and server cannot differ any more.
    pub expires_at: Time,
    /// All claims.
    pub all: Map<String, Value>,
}

/// An API key that was shown and is known.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyHolder {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrgId,
    /// The SHA-256 of what was shown: which of the pair, while a key is being rotated.
    pub hash: [u8; 32],
    /// The operations that it may call: `customers:list`, or `customers:*`. Empty is all that its role allows.
    pub scopes: Vec<String>,
}

impl Claims {
    /// Names the subject among all issuers.
    pub fn token_identifier(&self) -> String {
        format!("{}|{}", self.issuer, self.subject)
    }
}

impl Identity {
    /// Until when it is believed; none when that is for good.
    pub fn expires_at(&self) -> Option<Time> {
        match self {
            Self::Token(claims) => Some(claims.expires_at),
            Self::Anonymous | Self::Key(_) | Self::Operator(_) | Self::Job(_) => None,
        }
    }

    /// Whether both are the same party with the same claims: one token only refreshes the other.
    pub fn is_same_party(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => {
                let lasting = |claims: &Claims| {
                    let mut all = claims.all.clone();
                    all.retain(|name, _| !matches!(name.as_str(), "iat" | "exp" | "nbf" | "jti" | "auth_time"));
                    all
                };
                lasting(one) == lasting(other)
            }
            (one, other) => one == other,
        }
    }

    /// A name that no two parties share, for what is kept for one of them.
    pub fn key(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Token(claims) => format!("token:{}", claims.token_identifier()),
            Self::Key(key) => format!("key:{}", key.id),
            Self::Operator(organization) => format!("operator:{organization}"),
            Self::Job(job) => format!("job:{}", JobId::new(job.fence.seq)),
        }
    }
}

/// A person's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// What they are called, for those who read the audit log.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whose person a client is.
    pub customer: Option<CustomerId>,
    /// Who acts as this person, while an admin impersonates them.
    pub impersonator: Option<(UserId, String)>,
}

/// Who calls an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// What they showed.
    pub identity: Identity,
    /// In which organization they act.
    pub organization: Option<OrgId>,
    /// Who they are there; none for an API key, and for somebody who belongs to nobody yet.
    pub member: Option<Member>,
    /// The role of an API key.
    pub key_role: Option<Role>,
    /// When they may be somebody else by time alone: a key expires, an impersonation ends. A token's end is not meant: it
    /// is the identity's own.
    pub until: Option<Time>,
}

impl Caller {
    /// What they may do in their organization.
    pub fn role(&self) -> Option<Role> {
        self.member.as_ref().map(|member| member.role).or(self.key_role)
    }

    /// Who has their role without being a person, for the audit log.
    pub fn display_name(&self) -> String {
        match (&self.member, &self.identity) {
            (Some(member), _) => member.name.clone(),
            (None, Identity::Key(key)) => key.id.to_string(),
            (None, Identity::Operator(_)) => "operator".to_owned(),
            (None, Identity::Job(job)) => job.kind.clone(),
            (None, Identity::Token(claims)) => claims.email.clone().unwrap_or_else(|| claims.subject.clone()),
            (None, Identity::Anonymous) => "anonymous".to_owned(),
        }
    }

    /// Whether they may call what asks for `access`.
    ///
    /// # Errors
    /// `Unauthenticated` when signing in could help, `Forbidden` when it would not.
    pub fn check(&self, access: Access) -> Result<()> {
        let anonymous = self.identity == Identity::Anonymous;
        let allowed = match access {
            Access::Public => true,
            Access::SignedIn => !anonymous,
            Access::Roles(roles) => self.organization.is_some() && self.role().is_some_and(|role| roles.contains(role)),
        };
        match (allowed, anonymous) {
            (true, _) => Ok(()),
            (false, true) => Err(Error::new(Code::Unauthenticated, "sign_in_needed", "sign in to do this")),
            (false, false) => Err(Error::new(Code::Forbidden, "role_insufficient", "your role does not allow this")),
        }
    }

    /// Whether what they showed is good for `operation`, whatever their role.
    ///
    /// # Errors
    /// `Forbidden` for an API key that was made for other operations.
    pub fn check_scope(&self, operation: &str) -> Result<()> {
        let Identity::Key(key) = &self.identity else { return Ok(()) };
        let module = operation.split(':').next().unwrap_or_default();
        let covers = |scope: &String| scope == operation || scope.strip_suffix(":*") == Some(module);
        if key.scopes.is_empty() || key.scopes.iter().any(covers) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden, "scope_missing", format!("this API key was not made for {operation}")))
    }

    /// The person.
    ///
    /// # Errors
    /// `Forbidden` when the caller is not a person of an organization.
    pub fn member(&self) -> Result<&Member> {
        self.member.as_ref().ok_or_else(|| {
            Error::new(Code::Forbidden, "not_a_member", "only a person who belongs to the organization can do this")
        })
    }

    /// What answers depend on that are the same for several people: two callers with the same reach see the same.
    pub fn reach(&self) -> Reach {
        let role = self.role();
        let staff = self.member.as_ref().filter(|member| member.role == Role::Staff).map(|member| member.user.clone());
        let customer = self.member.as_ref().and_then(|member| member.customer.clone());
        let scopes = match &self.identity {
            Identity::Key(key) => key.scopes.clone(),
            Identity::Anonymous | Identity::Token(_) | Identity::Operator(_) | Identity::Job(_) => Vec::new(),
        };
        Reach { role, customer: if staff.is_some() { None } else { customer }, staff, scopes }
    }
}

/// Whose rows somebody sees, and with which rights: the same for several people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What they may do.
    pub role: Option<Role>,
    /// The staff member, who sees what was assigned to them.
    pub staff: Option<UserId>,
    /// The client's company, who sees what is theirs.
    pub customer: Option<CustomerId>,
    /// What an API key was made for.
    scopes: Vec<String>,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role.map_or("none", Role::as_str))?;
        if !self.scopes.is_empty() {
            return write!(f, " for {}", self.scopes.join(" "));
        }
        match (&self.staff, &self.customer) {
            (Some(user), _) => write!(f, ":{user}"),
            (None, Some(customer)) => write!(f, ":{customer}"),
            (None, None) => Ok(()),
        }
    }
}

/// Who knows people: a feature, or the product that builds on Trunkline.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// In which organization somebody with this identity acts. `wanted` is the one they chose, if they did; in the
    /// system's scope.
    ///
    /// # Errors
    /// `Forbidden` when `wanted` is none of theirs.
    async fn organization(&self, tx: &mut Tx, identity: &Identity, wanted: Option<&str>) -> Result<Option<OrgId>>;

    /// Who they are there, in a transaction of `organization`, or of the system when there is none.
    ///
    /// # Errors
    /// `Unauthenticated` when what they showed is worth nothing any more.
    async fn caller(&self, tx: &mut Tx, organization: Option<&OrgId>, identity: &Identity) -> Result<Caller>;
}

/// Who writes down what was done: in the transaction that did it.
#[async_trait]
pub trait Audit: Send + Sync + 'static {
    /// A mutation is about to be committed.
    ///
    /// # Errors
    /// What the database says: then nothing is committed.
    async fn record(&self, tx: &mut Tx, change: &Change<'_>) -> Result<()>;
}

/// What a mutation did.
pub struct Change<'c> {
    /// Who.
    pub caller: &'c Caller,
    /// The operation.
    pub operation: &'static str,
    /// Its arguments, without what is secret.
    pub arguments: &'c Value,
    /// Its answer.
    pub output: &'c Value,
    /// From where: an address, where one is known.
    pub origin: Option<&'c str>,
    /// When.
    pub at: Time,
    /// A new number for what is written down.
    pub world: &'c crate::World,
}

/// A directory that knows nobody: everybody is who their token says and belongs nowhere.
pub struct Nobody;

#[async_trait]
impl Directory for Nobody {
    async fn organization(&self, _tx: &mut Tx, _identity: &Identity, _wanted: Option<&str>) -> Result<Option<OrgId>> {
        Ok(None)
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

impl fmt::Debug for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nobody")
    }
}
