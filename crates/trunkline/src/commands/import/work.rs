//! Waits for an import: does its work in this process, or watches a server.

use std::time::Duration;

use app::customer_files::{CustomerImport, ImportRun, ImportStatus};
use engine::ScopedDb;
use kernel::{Error, Result, Scope};
use serde_json::json;

use super::call;
use crate::{
    operations::{Local, Target},
    progress::Progress,
};

/// The interval at which a server is asked for the progress.
const PAUSE: Duration = Duration::from_millis(300);

/// Returns the import when it has ended; none after Ctrl-C.
pub(super) async fn until_over(target: &Target, begun: &CustomerImport) -> Result<Option<CustomerImport>> {
    let progress = Progress::of("importing", count(begun.rows));
    progress.at(count(begun.done));
    let over = async {
        match target {
            Target::Local(local) => work_off(local, target, begun, &progress).await,
            Target::Remote(_) => watch(target, begun, &progress).await,
        }
    };
    tokio::select! {
        over = over => over.map(Some),
        _ = tokio::signal::ctrl_c() => Ok(None),
    }
}

/// Does the work of the import's job. A server may do it at the same time.
async fn work_off(
    local: &Local,
    target: &Target,
    begun: &CustomerImport,
    progress: &Progress,
) -> Result<CustomerImport> {
    let organization = local
        .organization
        .as_ref()
        .ok_or_else(|| Error::unsupported("imports without an organization: name one with --organization"))?;
    let db = ScopedDb::new(&local.db, Scope::Organization(organization.clone()));
    let work = ImportRun::begin(&db, &local.world, local.publisher(), organization, &begun.id).await?;
    let Some(work) = work else { return status(target, begun).await };
    loop {
        let import = work.go_on().await?;
        progress.at(count(import.done));
        if import.status != ImportStatus::Running {
            return Ok(import);
        }
    }
}

async fn watch(target: &Target, begun: &CustomerImport, progress: &Progress) -> Result<CustomerImport> {
    loop {
        let import = status(target, begun).await?;
        progress.at(count(import.done));
        if import.status != ImportStatus::Running {
            return Ok(import);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn status(target: &Target, begun: &CustomerImport) -> Result<CustomerImport> {
    call(target, "customers:importStatus", json!({ "importId": begun.id })).await
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}
