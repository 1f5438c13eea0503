//! Where commands call operations: in this process, or at another server.

use kernel::Result;
use serde_json::Value;
use store::Access;

use super::{local::Local, remote::Remote};
use crate::environment::Environment;

/// Where calls go.
pub(crate) enum Target {
    /// This process, on the data folder.
    Local(Local),
    /// The server at `TRUNKLINE_URL`.
    Remote(Remote),
}

impl Target {
    /// Returns the target that this environment configures. `organization` is the one to act in, when it is given.
    /// On the data folder, `access` says what the calls may do.
    ///
    /// # Errors
    /// `NotFound` when the organization does not exist, `Unavailable` when the database cannot be opened.
    pub(crate) async fn open(environment: &Environment, organization: Option<&str>, access: Access) -> Result<Self> {
        let settings = &environment.settings;
        Ok(match &settings.trunkline_url {
            Some(url) => Self::Remote(Remote::new(url, settings.trunkline_api_key.clone(), organization)?),
            None => Self::Local(Local::open(environment, organization, access).await?),
        })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// The error of the operation.
    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Result<Value> {
        match self {
            Self::Local(local) => local.call(operation, arguments).await,
            Self::Remote(remote) => remote.call(operation, &arguments).await,
        }
    }

    /// Waits for what is still running, and closes the database.
    pub(crate) async fn close(self) {
        match self {
            Self::Local(local) => local.db.close().await,
            Self::Remote(_) => {}
        }
    }
}
