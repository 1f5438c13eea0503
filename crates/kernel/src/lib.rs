//! The vocabulary that every other crate speaks: errors, ids, time, secrets, tenant scope.
//!
//! Nothing here does I/O, and nothing is async.

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
pub use id::{Id, Prefix, TABLE_OF_ID, prefix};
pub use limits::Limits;
pub use mask::mask;
pub use page::{Page, PageOptions, PageStatus};
pub use role::{Access, Role, Roles};
pub use scope::{OrgId, Scope};
pub use secret::Secret;
pub use time::{Clock, Random, Time};
