//! Where calls go: to the data folder, or to a server elsewhere.

use kernel::Result;
use serde_json::Value;
use store::Access;

use super::{local::Here, remote::Elsewhere};
use crate::environment::Environment;

/// Where calls go.
pub(crate) enum Target {
    /// This process, on the data folder.
    Here(Here),
    /// The server at `TRUNKLINE_URL`.
    Elsewhere(Elsewhere),
}

impl Target {
    /// Where this environment sends calls. `organization` is the one to act in, where one was named.
    /// On the data folder, `access` says what the calls may do.
    ///
    /// # Errors
    /// `NotFound` when there is no such organization, `Unavailable` when the database cannot be opened.
    pub(crate) async fn open(environment: &Environment, organization: Option<&str>, access: Access) -> Result<Self> {
        let settings = &environment.settings;
        Ok(match &settings.trunkline_url {
            Some(url) => Self::Elsewhere(Elsewhere::new(url, settings.trunkline_api_key.clone(), organization)?),
            None => Self::Here(Here::open(environment, organization, access).await?),
        })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// What the operation returns.
    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Result<Value> {
        match self {
            Self::Here(here) => here.call(operation, arguments).await,
            Self::Elsewhere(elsewhere) => elsewhere.call(operation, &arguments).await,
        }
    }

    /// Finishes what was begun.
    pub(crate) async fn close(self) {
        match self {
            Self::Here(here) => here.db.close().await,
            Self::Elsewhere(_) => {}
        }
    }
}
