//! How much there is to do, and for how long it has waited.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Result, Scope, Time};
use store::{Db, FromRow, Row};
use tokio::time::Instant;

use super::State;

/// What waits, of one kind and in one state.
#[derive(Clone, Debug)]
pub struct Depth {
    /// The name of the job, or `event`.
    pub kind: String,
    /// Where these stand.
    pub state: State,
    /// How many there are.
    pub count: i64,
    /// When the turn of the first of them was, or will be.
    pub first: Time,
}

/// The depths of the queue as they were a moment ago. Cheap to clone.
///
/// Counting reads every open row. However many ask, one of them counts at a time, and no more than a twentieth of the
/// time is spent on it: an answer is as old as twenty counts take, at most, and a second where they are fast.
#[derive(Clone)]
pub struct Depths {
    db: Db,
    counted: Arc<Mutex<Option<Counted>>>,
    counting: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Counted {
    depths: Vec<Depth>,
    at: Instant,
    took: Duration,
}

/// How old an answer may be, however fast the database counts.
const FRESH: Duration = Duration::from_secs(1);
/// How much older than the time that counting takes.
const TIMES: u32 = 20;

impl Depths {
    /// Nothing is counted before somebody asks.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), counted: Arc::default(), counting: Arc::default() }
    }

    /// Everything that is still to be done, by kind and state: counted now, or a moment ago.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn get(&self) -> Result<Vec<Depth>> {
        if let Some(counted) = self.fresh() {
            return Ok(counted.depths);
        }
        let _one_at_a_time = self.counting.lock().await;
        // Whoever counted before may have just ended.
        if let Some(counted) = self.fresh() {
            return Ok(counted.depths);
        }
        let began = Instant::now();
        let depths = depths(&self.db).await?;
        let at = Instant::now();
        *self.lock() = Some(Counted { depths: depths.clone(), at, took: at - began });
        Ok(depths)
    }

    /// As [`Depths::get`], but never waits where there is an answer: one that is too old is shown a last time, while it is
    /// counted anew.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn latest(&self) -> Result<Vec<Depth>> {
        let counted = self.lock().clone();
        let Some(counted) = counted else { return self.get().await };
        if !counted.is_fresh() && self.counting.try_lock().is_ok() {
            let depths = self.clone();
            tokio::spawn(async move {
                if let Err(error) = depths.get().await {
                    tracing::warn!(?error, "the queue was not counted");
                }
            });
        }
        Ok(counted.depths)
    }

    fn fresh(&self) -> Option<Counted> {
        self.lock().clone().filter(Counted::is_fresh)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH.max(self.took * TIMES)
    }
}

async fn depths(db: &Db) -> Result<Vec<Depth>> {
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system(
                "select kind, state, count(*) as entries, min(rank) as first_rank from jobs where rank is not null
                 group by kind, state",
            )
            .all()
            .await
        })
    })
    .await
}

impl FromRow for Depth {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            kind: row.text("kind")?,
            state: State::parse(&row.text("state")?)?,
            count: row.int("entries")?,
            first: Time::from_ms(row.int("first_rank")? / 1000),
        })
    }
}
