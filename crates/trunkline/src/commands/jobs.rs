//! `jobs`: lists, retries and cancels background jobs.

use engine::{JobFilter, JobId, World};
use kernel::Result;
use serde_json::json;

use crate::{boot, cli::Jobs, environment::Environment, output};

const COLUMNS: &[&str] = &["id", "kind", "status", "attempts", "createdAt", "nextAt", "finishedAt", "error"];

pub(crate) async fn run(command: Jobs, environment: &Environment, json: bool) -> Result<()> {
    let world = World::system();
    let db = match &command {
        Jobs::List { .. } => boot::opened_to_read(environment).await?,
        Jobs::Retry { .. } | Jobs::Cancel { .. } => boot::opened(environment, &world).await?.0,
    };
    match command {
        Jobs::List { limit, kind, status, before } => {
            let before = before.map(|id| JobId::parse(&id)).transpose()?.map(|id| id.seq());
            output::rows(json, COLUMNS, &engine::jobs(&db, JobFilter { kind, status, before, limit }).await?)?;
        }
        Jobs::Retry { id } => {
            engine::retry_job(&db, &world, &JobId::parse(&id)?).await?;
            done(json, "retried", &id);
        }
        Jobs::Cancel { id } => {
            engine::cancel_job(&db, &world, &JobId::parse(&id)?).await?;
            done(json, "cancelled", &id);
        }
    }
    db.close().await;
    Ok(())
}

fn done(json: bool, what: &str, id: &str) {
    output::say(if json { json!({ "status": what, "id": id }).to_string() } else { format!("{what} {id}") });
}
