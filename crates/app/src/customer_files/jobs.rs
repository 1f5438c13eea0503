//! Imports a file slice by slice.

use std::sync::Arc;

use ::store::{Tx, work};
use async_trait::async_trait;
use engine::{Job, JobCtx, NewJob, Progress, Publisher, ScopedDb, World};
use kernel::{Error, OrgId, Result};
use serde::{Deserialize, Serialize};

use super::{
    CustomerImport, ImportId, ImportStatus, RowError,
    model::unknown,
    sheet::{Duplicates, Sheet, SheetRow},
    store,
};
use crate::{
    billing::{self, Seat},
    customers::{self, Customer, CustomerCreated, NewCustomer},
};

/// Imports the next slices of a file and enqueues a job for the rest: a long import does not occupy a worker, and when
/// the process dies only a few slices are run again.
#[derive(Serialize, Deserialize)]
pub(super) struct ContinueImport {
    pub import: ImportId,
}

#[async_trait]
impl Job for ContinueImport {
    const NAME: &'static str = "work_off_customer_import";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let begun = ImportRun::begin(ctx.db(), ctx.world(), ctx.publisher(), ctx.organization()?, &self.import).await?;
        let Some(file) = begun else { return Ok(()) };
        for _ in 0..SLICES {
            let import = file.go_on().await?;
            let [done, total] = [import.done, import.rows].map(|rows| u64::try_from(rows).unwrap_or_default());
            let is_wanted = ctx.progress(Progress { done, total }).await?;
            if import.status != ImportStatus::Running || !is_wanted {
                return Ok(());
            }
        }
        ctx.enqueue(self.queued()?).await.map(drop)
    }
}

impl ContinueImport {
    /// Creates the job for this import. Its lane is the import: a second job waits, and finds nothing to do.
    pub(super) fn queued(&self) -> Result<NewJob> {
        Ok(NewJob::new(self)?.lane(format!("customer-import:{}", self.import)))
    }
}

/// An import in progress, driven by a job or by a command. When several drive it at once, each slice is done once.
pub struct ImportRun {
    db: ScopedDb,
    slice: Arc<Slice>,
}

/// The import and the part of its file that one slice needs.
struct Slice {
    world: World,
    publisher: Publisher,
    organization: OrgId,
    import: ImportId,
    sheet: Sheet,
    duplicates: Duplicates,
}

/// The number of slices in one run of the job.
const SLICES: usize = 10;
/// The number of rows in a slice: few, so that its transaction is short.
const ROWS: usize = 100;

impl ImportRun {
    /// Reads the rest of an import; none when it is over.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn begin(
        db: &ScopedDb,
        world: &World,
        publisher: &Publisher,
        organization: &OrgId,
        import: &ImportId,
    ) -> Result<Option<Self>> {
        let id = import.clone();
        let file = db.read(|tx| Box::pin(async move { store::file(tx, &id).await })).await?;
        let Some(file) = file else { return Ok(None) };
        let slice = Slice {
            world: world.clone(),
            publisher: publisher.clone(),
            organization: organization.clone(),
            import: import.clone(),
            sheet: Sheet::read(&file.csv, &file.reading)?,
            duplicates: file.reading.duplicates,
        };
        Ok(Some(Self { db: db.clone(), slice: Arc::new(slice) }))
    }

    /// Imports the next slice, and returns the state of the import.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer. The call may be repeated: finished slices are marked.
    pub async fn go_on(&self) -> Result<CustomerImport> {
        let slice = self.slice.clone();
        let write = work(move |tx| {
            let slice = slice.clone();
            Box::pin(async move { slice.run(tx).await })
        });
        self.db.write(write).await
    }
}

impl Slice {
    async fn run(&self, tx: &mut Tx) -> Result<CustomerImport> {
        let before = store::find(tx, &self.import).await?.ok_or_else(|| unknown(&self.import))?;
        if before.status != ImportStatus::Running {
            return Ok(before);
        }
        let done = usize::try_from(before.done).unwrap_or(usize::MAX).min(self.sheet.rows.len());
        let rows = &self.sheet.rows[done..self.sheet.rows.len().min(done + ROWS)];
        let errors = self.import(tx, rows).await?;
        let mut after = before.clone();
        let (seen, rejected) = (i64::try_from(rows.len()), i64::try_from(errors.len()));
        let (seen, rejected) = (seen.unwrap_or_default(), rejected.unwrap_or_default());
        after.done += seen;
        after.rejected += rejected;
        after.imported += seen - rejected;
        after.updated_at = self.world.now();
        if done + rows.len() == self.sheet.rows.len() {
            after.status = ImportStatus::Done;
            after.finished_at = Some(after.updated_at);
            store::drop_file(tx, &self.import).await?;
        }
        for wrong in errors {
            store::insert_errors(tx, &self.import, &wrong).await?;
        }
        if store::advance(tx, &before, &after).await? {
            return Ok(after);
        }
        Err(Error::conflict("import_moved", "the import was moved by another worker at the same time"))
    }

    /// Imports these rows, and returns the errors of those that are rejected.
    async fn import(&self, tx: &mut Tx, rows: &[SheetRow]) -> Result<Vec<Vec<RowError>>> {
        let now = self.world.now();
        let mut room = billing::room(tx, Seat::Customer, now).await?;
        let mut errors = Vec::new();
        for row in rows {
            match &row.customer {
                Err(wrong) => errors.push(wrong.clone()),
                Ok(new) if self.is_known(tx, new).await? => errors.push(vec![RowError::known(row.line)]),
                Ok(new) => match room.take() {
                    Err(full) => errors.push(vec![RowError::of_row(row.line, &full)]),
                    Ok(()) => {
                        let id = self.world.new_id();
                        let customer = Customer::new(id, self.organization.clone(), new.clone(), now);
                        customers::add(tx, &customer).await?;
                        self.publisher.emit(tx, &CustomerCreated { customer }).await?;
                    }
                },
            }
        }
        Ok(errors)
    }

    async fn is_known(&self, tx: &mut Tx, new: &NewCustomer) -> Result<bool> {
        match self.duplicates {
            Duplicates::Skip => customers::is_recognised(tx, &new.recognised_by()).await,
            Duplicates::Import => Ok(false),
        }
    }
}
