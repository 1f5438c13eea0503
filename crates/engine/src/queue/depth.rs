//! How much there is to do, and for how long it has waited.

use kernel::{Result, Scope, Time};
use store::{Db, FromRow, Row};

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

/// Everything that is still to be done, by kind and state.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn depths(db: &Db) -> Result<Vec<Depth>> {
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
