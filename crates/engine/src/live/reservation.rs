//! Timestamps never go back, also when the process starts again with a clock that did.
//!
//! A timestamp is shown only when a reservation in the database covers it; a start begins at the end of the last reservation.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kernel::{Result, Scope};
use store::{Isolation, Tx};
use tokio::sync::Mutex;

use crate::{Timestamps, operation::Operations};

/// How far ahead timestamps are reserved.
const AHEAD: Duration = Duration::from_secs(60);

/// Until when timestamps may be shown.
#[derive(Default)]
pub(super) struct Reservation {
    until: AtomicU64,
    /// Until when timestamps may have been shown by the process before this one.
    before: AtomicU64,
    /// One renewal at a time.
    renewing: Mutex<()>,
}

impl Reservation {
    /// Whether a timestamp may be shown.
    pub(super) fn covers(&self, ts: u64) -> bool {
        ts <= self.until.load(Ordering::SeqCst)
    }

    /// What was shown before this process began is not later than this.
    pub(super) fn before(&self) -> u64 {
        self.before.load(Ordering::SeqCst)
    }

    /// Reserves what comes next, where less than half of the reservation is left.
    pub(super) async fn renew(&self, operations: &Operations) -> Result<()> {
        if self.covers(soon(operations.timestamps())) {
            return Ok(());
        }
        let _renewing = self.renewing.lock().await;
        if self.covers(soon(operations.timestamps())) {
            return Ok(());
        }
        if self.until.load(Ordering::SeqCst) == 0 {
            let stored = operations.db().read(&Scope::System, |tx| Box::pin(stored(tx))).await?;
            operations.timestamps().observe(stored);
            self.before.store(stored, Ordering::SeqCst);
        }
        let until = present(operations.timestamps()).saturating_add(nanoseconds(AHEAD));
        let write = store::work(move |tx| Box::pin(reserve(tx, until)));
        operations.db().write_at(Isolation::ReadCommitted, &Scope::System, write).await?;
        self.until.store(until, Ordering::SeqCst);
        Ok(())
    }
}

fn present(timestamps: &Timestamps) -> u64 {
    timestamps.last().max(timestamps.wall())
}

fn soon(timestamps: &Timestamps) -> u64 {
    present(timestamps).saturating_add(nanoseconds(AHEAD / 2))
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

async fn stored(tx: &mut Tx) -> Result<u64> {
    let row = tx.system("select until from reserved_timestamps where name = 'live'").row().await?;
    let until = row.map(|row| row.int("until")).transpose()?.unwrap_or_default();
    Ok(u64::try_from(until).unwrap_or_default())
}

async fn reserve(tx: &mut Tx, until: u64) -> Result<()> {
    tx.system(
        "insert into reserved_timestamps (name, until) values ('live', $1)
         on conflict (name) do update set until = excluded.until where reserved_timestamps.until < excluded.until",
    )
    .bind(i64::try_from(until).unwrap_or(i64::MAX))
    .execute()
    .await
    .map(drop)
}
