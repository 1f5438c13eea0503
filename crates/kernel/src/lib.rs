//! The vocabulary that every other crate uses: errors, ids, time, secrets, roles, tenant scope.
//!
//! This crate does no I/O and has no async code.

mod error;
mod id;
mod limits;
mod mask;
mod page;
mod role;
mod scope;
mod secret;
mod time;

pub use error::{Code, Error, Result, Retry};
pub use id::{Id, Prefix, TABLE_OF_ID, is_id_prefix};
pub use limits::Limits;
pub use mask::mask;
pub use page::{Page, PageOptions, PageStatus};
pub use role::{Access, Role, Roles};
pub use scope::{OrgId, OrganizationPrefix, Scope};
pub use secret::Secret;
pub use time::{Clock, Random, Time};
