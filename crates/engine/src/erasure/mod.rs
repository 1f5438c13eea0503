//! Erasing an organization: every row of every table that is its own or names it.
//!
//! [`close`] marks it in the transaction that shuts everybody out: from then on its routes lead nowhere. [`go_on`] does the next
//! small step of the work, and notes it with what it deleted, so that a process that dies loses nothing: first what is queued for
//! it, then its own rows, table by table as the database itself lists them, then the rows of the installation that name it. It
//! ends when [`traces`] finds none, and leaves a line without the organization's id.

mod caches;
mod delete;
mod record;
mod traces;

use kernel::{Error, Id, OrgId, Result};
use store::{Db, TableSchema, schema};

pub use caches::{Remembers, forget_closed};
pub use record::{Erasure, close, closed, elsewhere, erasure, erasures, organization};
pub use traces::{Trace, traces};

use crate::{ScopedDb, World};
use record::Record;

kernel::id_prefix! {
    /// The prefix of the ids of erasures.
    pub ErasurePrefix = "era" in "erasures"
}

/// The id of an erasure.
pub type ErasureId = Id<ErasurePrefix>;

/// Tables that the erasure itself needs, or that no row of an organization is in.
const LEFT_ALONE: [&str; 3] = ["erasures", "trunkline_migrations", "removals_allowed"];
/// How often the work begins anew because something was written meanwhile, before an attempt counts as failed.
const ROUNDS: i64 = 20;

/// A part of the work.
enum Step {
    /// What is queued for the organization, and its events.
    Queue,
    /// Its rows of a table of organizations.
    Own(TableSchema),
    /// The rows of a table of the installation that name it.
    Naming(TableSchema),
    /// Whether anything is left.
    Proof,
}

impl Step {
    fn name(&self) -> String {
        match self {
            Self::Queue => "queue".to_owned(),
            Self::Own(table) => format!("own {}", table.name),
            Self::Naming(table) => format!("naming {}", table.name),
            Self::Proof => "proof".to_owned(),
        }
    }
}

/// Does the next step of an erasure, and tells where it stands.
///
/// # Errors
/// `NotFound` when there is no such erasure, `Conflict` when something keeps writing rows of the organization.
pub async fn go_on(db: &ScopedDb, world: &World, id: &ErasureId) -> Result<Erasure> {
    let record = Record::find(db.unfenced(), id).await?;
    let Some(organization) = record.organization.clone() else { return Ok(record.shown()) };
    let steps = steps(db.unfenced()).await?;
    let total = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    // After an upgrade the tables may be others: then all of them are looked through again.
    let at = steps.iter().position(|step| step.name() == record.step);
    let (at, position) = at.map_or((0, 0), |at| (at, record.position));
    let Some(step) = steps.get(at) else { return Err(stepless()) };
    let next = steps.get(at + 1).map_or_else(String::new, Step::name);
    let mark = Mark { id: id.clone(), here: step.name(), next, done: i64::try_from(at).unwrap_or_default(), total };
    match step {
        Step::Queue => delete::queue(db, &organization, position, mark).await?,
        Step::Own(table) => delete::own_rows(db, &organization, table, mark).await?,
        Step::Naming(table) => delete::naming_rows(db, &organization, table, position, mark).await?,
        Step::Proof => prove(db, world, &organization, &record, mark).await?,
    }
    Ok(Record::find(db.unfenced(), id).await?.shown())
}

/// Where the work is, as the transaction of each step notes it.
#[derive(Clone)]
struct Mark {
    id: ErasureId,
    here: String,
    next: String,
    done: i64,
    total: i64,
}

async fn steps(db: &Db) -> Result<Vec<Step>> {
    let tables = db.read(&kernel::Scope::System, |tx| Box::pin(async move { schema(tx).await })).await?;
    let tables: Vec<_> = tables.into_iter().filter(|table| !LEFT_ALONE.contains(&table.name.as_str())).collect();
    let (own, others): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table.is_tenant);
    let naming = others.into_iter().filter(traces::can_name).map(Step::Naming);
    Ok([Step::Queue].into_iter().chain(own.into_iter().map(Step::Own)).chain(naming).chain([Step::Proof]).collect())
}

/// Ends the erasure, unless something is left: then the work begins anew.
async fn prove(db: &ScopedDb, world: &World, organization: &OrgId, record: &Record, mark: Mark) -> Result<()> {
    let left = traces(db.unfenced(), organization).await?;
    let (own, of_others): (Vec<_>, Vec<_>) = left.into_iter().partition(|trace| !trace.of_others);
    for trace in of_others {
        tracing::warn!(erasure = %mark.id, table = trace.table, rows = trace.rows,
            "rows of other organizations mention one that was erased: they are theirs, and stay");
    }
    if own.is_empty() {
        return record::finish(db, &mark, world.now()).await;
    }
    if record.rounds >= ROUNDS {
        let tables: Vec<_> = own.iter().map(|trace| trace.table.as_str()).collect();
        let message = format!("an organization that is being erased is still written to: {}", tables.join(", "));
        record::begin_anew(db, &mark, 0).await?;
        return Err(Error::unavailable("erasure_disturbed", message));
    }
    record::begin_anew(db, &mark, record.rounds + 1).await
}

fn stepless() -> Error {
    Error::internal("erasure_stepless", "an erasure has no step")
}
