//! Events as people see them: look, replay.

use kernel::{Error, Result, Scope, Time};
use serde::Serialize;
use store::{Db, FromRow, Row};

use crate::{
    World,
    event::dropped,
    queue::{EventId, Seq, State, newest_of_each, sql, states},
    route::wait_no_more,
};

/// Which events to show.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only of this vendor.
    pub provider: Option<String>,
    /// Only with this status.
    pub status: Option<String>,
    /// Only those that arrived at or after this moment.
    pub since: Option<Time>,
    /// Only those that came before the one of this number.
    pub before: Option<Seq>,
    /// At most so many, newest first.
    pub limit: i64,
}

/// An event as it is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// `evt_…`
    pub id: String,
    /// The vendor.
    pub provider: String,
    /// The connection that the path named.
    pub connection: Option<String>,
    /// The vendor's id of it.
    pub external_id: String,
    /// The vendor's own name of what happened.
    pub kind: String,
    /// `pending`, `processed`, `ignored`, `unresolved` or `dead`.
    pub status: String,
    /// Attempts that ended.
    pub attempts: i64,
    /// When it arrived.
    pub received_at: Time,
    /// When its handling ended.
    pub processed_at: Option<Time>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// The columns of an [`EventRow`].
const COLUMNS: &str = "j.seq, e.provider, e.connection, e.external_id, e.kind, j.state, j.attempts, e.received_ms,
     j.finished_ms, j.error";

/// The newest events that match. A page costs what it shows, however many rows there are, where it is one of a status or
/// of everything; of a vendor, it also costs the events of others between its own.
///
/// # Errors
/// `BadRequest` when there is no such status.
pub async fn events(db: &Db, filter: EventFilter) -> Result<Vec<EventRow>> {
    let found = "($3 = '' or e.provider = $3) and e.received_ms >= $4";
    // `cross join` is a join whose order SQLite keeps.
    let sql = match &filter.status {
        None => format!(
            "select {COLUMNS} from inbox_events e cross join jobs j where j.seq = e.seq and e.seq < $1 and {found}
             order by e.seq desc limit $2"
        ),
        Some(status) => {
            let select = format!(
                "select {COLUMNS} from jobs j cross join inbox_events e where e.seq = j.seq and j.kind = 'event' and {found}"
            );
            newest_of_each(&states(Some(status))?, &select)
        }
    };
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system_built(sql)
                .bind(filter.before.unwrap_or(Seq::MAX))
                .bind(filter.limit)
                .bind(filter.provider.unwrap_or_default())
                .bind(filter.since.unwrap_or(Time::from_ms(0)))
                .all()
                .await
        })
    })
    .await
}

/// One event and its payload. The payload is empty once retention has dropped it.
///
/// # Errors
/// `NotFound` when there is none.
pub async fn event(db: &Db, id: &EventId) -> Result<(EventRow, Vec<u8>)> {
    let seq = id.seq();
    let found = db
        .read(&Scope::System, |tx| {
            Box::pin(async move {
                let query = tx.system_built(format!(
                    "select e.body, {COLUMNS} from inbox_events e join jobs j on j.seq = e.seq where e.seq = $1"
                ));
                let Some(row) = query.bind(seq).row().await? else { return Ok(None) };
                Ok(Some((EventRow::from_row(&row)?, row.opt_blob("body")?.unwrap_or_default())))
            })
        })
        .await?;
    found.ok_or_else(|| {
        Error::not_found(
            "event_unknown",
            "there is no such event, or it is older than TRUNKLINE_EVENT_RETENTION: see `trunkline events list`",
        )
    })
}

/// Handles events again that have ended in any way, and tells how many. Those still to be done are left alone.
///
/// # Errors
/// `NotFound` when one of the ids is of no event, `Conflict` when retention has dropped the body of one: then none is
/// replayed.
pub async fn replay(db: &Db, world: &World, ids: &[EventId]) -> Result<u64> {
    let seqs: Vec<_> = ids.iter().map(EventId::seq).collect();
    let now = world.now();
    let write = store::work(move |tx| {
        let seqs = seqs.clone();
        Box::pin(async move {
            for seq in &seqs {
                let id = EventId::new(*seq);
                let query = tx.system(
                    "select case when body is null then 1 else 0 end as dropped from inbox_events where seq = $1",
                );
                let found = query.bind(*seq).row().await?;
                let unknown = || {
                    Error::not_found(
                        "event_unknown",
                        format!("there is no event {id}: events are deleted after TRUNKLINE_EVENT_RETENTION"),
                    )
                };
                if found.ok_or_else(unknown)?.bool("dropped")? {
                    return Err(dropped().context("event", id.to_string()));
                }
            }
            let replayed = sql::requeue(tx, &seqs, now).await?;
            wait_no_more(tx, &seqs).await?;
            tx.wake();
            Ok(replayed)
        })
    });
    db.write(&Scope::System, write).await
}

impl FromRow for EventRow {
    fn from_row(row: &Row) -> Result<Self> {
        let connection = row.text("connection")?;
        Ok(Self {
            id: EventId::new(row.int("seq")?).to_string(),
            provider: row.text("provider")?,
            connection: Some(connection).filter(|connection| !connection.is_empty()),
            external_id: row.text("external_id")?,
            kind: row.text("kind")?,
            status: State::parse(&row.text("state")?)?.status().to_owned(),
            attempts: row.int("attempts")?,
            received_at: row.time("received_ms")?,
            processed_at: row.opt_time("finished_ms")?,
            error: row.opt_text("error")?,
        })
    }
}
