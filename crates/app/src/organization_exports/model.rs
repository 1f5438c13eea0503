//! An export of an organization.

use std::time::Duration;

use engine::{Place, Placed};
use kernel::{Error, Id, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

kernel::id_prefix! {
    /// The prefix of the ids of exports.
    pub ExportPrefix = "exp" in "organizationExports"
}

/// The id of an export.
pub type ExportId = Id<ExportPrefix>;

/// How long an archive can be downloaded, from when it was asked for.
pub(super) const LASTS: Duration = Duration::from_secs(7 * 86_400);

/// Everything that an organization has here, in one archive: how far its making has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationExport {
    /// `exp_…`
    #[serde(rename = "_id")]
    pub id: ExportId,
    /// When it was asked for.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// Who asked for it.
    pub started_by: String,
    /// Where it stands.
    pub status: ExportStatus,
    /// Tables that are written.
    pub tables_done: i64,
    /// Of how many.
    pub tables: i64,
    /// Rows that are written.
    pub rows: i64,
    /// The size of the archive so far, in bytes.
    pub bytes: i64,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Until when it can be downloaded.
    pub expires_at: Time,
}

/// Where an export stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// It is being written.
    Running,
    /// It can be downloaded.
    Done,
}

impl ExportStatus {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// `Internal` when it is none: then the database holds what nobody wrote.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let found = [Self::Running, Self::Done].into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Error::internal("export_status", format!("there is no status {text} of an export")))
    }
}

/// Lists of exports begin with the newest.
impl Placed for OrganizationExport {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// How far the writing has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The table that is being written; empty before the first one.
    pub table: String,
    /// The key of the last row that was written of it, as a JSON list.
    pub after: Option<String>,
    /// The number of the next part of the archive.
    pub part: i64,
}

/// Whether a column holds what opens doors: it is left out of exports.
pub(super) fn is_secret(column: &str) -> bool {
    ["hash", "secret", "token", "password", "credential", "sealed", "cipher"].iter().any(|word| column.contains(word))
}

pub(super) fn unknown(id: &ExportId) -> Error {
    Error::not_found("export_not_found", "there is no such export, or its time is over: begin another one")
        .context("export_id", id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_open_doors_are_secret_and_others_are_not() {
        for secret in ["hash", "previous_hash", "access_token", "client_secret", "sealed_credentials", "password"] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in ["name", "email", "created_ms", "org_id", "external_id", "scopes"] {
            assert!(!is_secret(open), "{open}");
        }
    }
}
