//! `events`: lists, shows and replays events.

use engine::{EventFilter, EventId, World};
use kernel::{Error, Result, Time};
use serde_json::json;

use crate::{boot, cli::Events, environment::Environment, output, progress::Progress, settings::span};

const COLUMNS: &[&str] = &["id", "provider", "kind", "status", "attempts", "receivedAt", "externalId", "error"];
/// The greatest number of events of one replay.
const REPLAY: i64 = 100_000;

pub(crate) async fn run(command: Events, environment: &Environment, json: bool) -> Result<()> {
    let world = World::system();
    let db = match &command {
        Events::List { .. } | Events::Show { .. } => boot::opened_to_read(environment).await?,
        Events::Replay { .. } => boot::opened(environment, &world).await?.0,
    };
    match command {
        Events::List { limit, provider, status, before } => {
            let before = before.map(|id| EventId::parse(&id)).transpose()?.map(|id| id.seq());
            let filter = EventFilter { provider, status, since: None, before, limit };
            output::rows(json, COLUMNS, &engine::events(&db, filter).await?)?;
        }
        Events::Show { id } => {
            let (row, payload) = engine::event(&db, &EventId::parse(&id)?).await?;
            let payload = match serde_json::from_slice::<serde_json::Value>(&payload) {
                Ok(value) => value,
                Err(_) => json!(String::from_utf8_lossy(&payload)),
            };
            let mut shown = serde_json::to_value(row)
                .map_err(|error| Error::internal("unprintable", "an event cannot be printed").source(error))?;
            shown["payload"] = payload;
            output::say(if json { shown.to_string() } else { format!("{shown:#}") });
        }
        Events::Replay { ids, since, status, provider } => {
            let ids = match since {
                None => ids.iter().map(|id| EventId::parse(id)).collect::<Result<Vec<_>>>()?,
                Some(since) => {
                    let since = Some(moment(&since, world.now())?);
                    let filter = EventFilter { provider, status, since, before: None, limit: REPLAY };
                    let found = engine::events(&db, filter).await?;
                    found.iter().map(|event| EventId::parse(&event.id)).collect::<Result<Vec<_>>>()?
                }
            };
            let progress = Progress::unknown(format!("replaying {} events", ids.len()));
            let replayed = engine::replay(&db, &world, &ids).await?;
            drop(progress);
            output::say(if json {
                json!({ "replayed": replayed }).to_string()
            } else {
                format!("replayed {replayed}")
            });
        }
    }
    db.close().await;
    Ok(())
}

/// Parses a time, or a span before now.
fn moment(text: &str, now: Time) -> Result<Time> {
    if let Some(moment) = Time::parse(text) {
        return Ok(moment);
    }
    let span = span(text).ok_or_else(|| {
        Error::bad_request(
            "since_malformed",
            "--since is neither a moment like 2026-11-20T12:00:00Z nor a span like 2h",
        )
    })?;
    Ok(now - span)
}
