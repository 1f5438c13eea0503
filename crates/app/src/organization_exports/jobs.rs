//! Writing an archive, slice by slice.

use std::{collections::BTreeMap, sync::Arc};

use ::store::{ColumnKind, TableSchema, Tx, schema, work};
use async_trait::async_trait;
use engine::{Job, JobCtx, NewJob, Progress, ScopedDb, World};
use kernel::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ExportId, ExportStatus, OrganizationExport, archive, model::is_secret, store};

/// Writes the next slices of an archive, and leaves the rest to another job like it: a long export does not keep others
/// waiting for a worker.
#[derive(Serialize, Deserialize)]
pub(super) struct WriteExport {
    pub export: ExportId,
}

/// Slices of a job.
const SLICES: usize = 20;
/// Rows of a slice.
const ROWS: i64 = 500;
/// Tables that are the making of archives themselves.
const LEFT_OUT: [&str; 2] = ["organization_exports", "organization_export_parts"];

#[async_trait]
impl Job for WriteExport {
    const NAME: &'static str = "write_organization_export";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        ctx.organization()?;
        let files = Arc::new(files(ctx.db()).await?);
        for _ in 0..SLICES {
            let Some(export) = write(ctx.db(), ctx.world(), &self.export, &files).await? else { return Ok(()) };
            let [done, total] =
                [export.tables_done, export.tables].map(|tables| u64::try_from(tables).unwrap_or_default());
            let is_wanted = ctx.progress(Progress { done, total }).await?;
            if export.status != ExportStatus::Running || !is_wanted {
                return Ok(());
            }
        }
        ctx.enqueue(self.queued()?).await.map(drop)
    }
}

impl WriteExport {
    /// The job for this export. It has a lane of its own: a second one waits, and finds nothing to do.
    pub(super) fn queued(&self) -> Result<NewJob> {
        Ok(NewJob::new(self)?.lane(format!("organization-export:{}", self.export)))
    }
}

/// What the archive is made of, in its order.
struct Files(Vec<File>);

enum File {
    /// The organization itself, and its people.
    Organization,
    /// The rows of a table.
    Table(TableSchema),
}

impl File {
    fn name(&self) -> &str {
        match self {
            Self::Organization => "organization",
            Self::Table(table) => &table.name,
        }
    }
}

async fn files(db: &ScopedDb) -> Result<Files> {
    let tables = db.read(|tx| Box::pin(async move { schema(tx).await })).await?;
    let by_name: BTreeMap<_, _> = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
    let tables = by_name.into_values().filter(|table| table.is_tenant && !LEFT_OUT.contains(&table.name.as_str()));
    let tables = tables.map(|mut table| {
        table.columns.retain(|column| !is_secret(&column.name));
        File::Table(table)
    });
    Ok(Files([File::Organization].into_iter().chain(tables).collect()))
}

/// Writes the next slice, and tells where the export stands; none when there is no such export.
async fn write(
    db: &ScopedDb,
    world: &World,
    export: &ExportId,
    files: &Arc<Files>,
) -> Result<Option<OrganizationExport>> {
    let (world, export, files) = (world.clone(), export.clone(), files.clone());
    let write = work(move |tx| {
        let (world, export, files) = (world.clone(), export.clone(), files.clone());
        Box::pin(async move { write_slice(tx, &world, &export, &files).await })
    });
    db.write(write).await
}

async fn write_slice(
    tx: &mut Tx,
    world: &World,
    id: &ExportId,
    Files(files): &Files,
) -> Result<Option<OrganizationExport>> {
    let Some((mut export, mut mark)) = store::progress(tx, id).await? else { return Ok(None) };
    if export.status != ExportStatus::Running {
        return Ok(Some(export));
    }
    // After an upgrade a table may be gone: what comes behind it by name is next.
    let at = files.iter().position(|file| file.name() == mark.table).unwrap_or_else(|| {
        files.iter().position(|file| file.name() > mark.table.as_str() || mark.table.is_empty()).unwrap_or(files.len())
    });
    export.tables = i64::try_from(files.len()).unwrap_or(i64::MAX);
    let now = world.now();
    let piece = match files.get(at) {
        None => {
            export.status = ExportStatus::Done;
            export.finished_at = Some(now);
            let manifest = json!({
                "export": export.id,
                "exportedAt": now.to_string(),
                "rows": export.rows,
                "files": files.iter().map(File::name).collect::<Vec<_>>(),
            });
            [archive::file("manifest.json", &format!("{manifest}\n"), now)?, archive::end()?].concat()
        }
        Some(file) => {
            let after = mark.after.as_deref().filter(|_| file.name() == mark.table);
            let (lines, last) = lines(tx, file, after).await?;
            let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let is_whole = count < ROWS || last.is_none();
            export.rows += count;
            export.tables_done = i64::try_from(at).unwrap_or_default() + i64::from(is_whole);
            let name = format!("{}/{:06}.jsonl", file.name(), mark.part);
            mark.table = match (is_whole, files.get(at + 1)) {
                (true, Some(next)) => next.name().to_owned(),
                (true, None) => "~".to_owned(),
                (false, _) => file.name().to_owned(),
            };
            mark.after = last.filter(|_| !is_whole);
            if lines.is_empty() { Vec::new() } else { archive::file(&name, &(lines.join("\n") + "\n"), now)? }
        }
    };
    export.bytes += i64::try_from(piece.len()).unwrap_or(i64::MAX);
    if !piece.is_empty() {
        store::insert_part(tx, id, mark.part, piece).await?;
        mark.part += 1;
    }
    store::advance(tx, &export, &mark).await?;
    Ok(Some(export))
}

/// The next rows as lines of JSON, and the key of the last one.
async fn lines(tx: &mut Tx, file: &File, after: Option<&str>) -> Result<(Vec<String>, Option<String>)> {
    match file {
        File::Organization => Ok((store::organization(tx).await?, None)),
        File::Table(table) => {
            let key: Vec<_> = table.key.iter().filter(|column| *column != "org_id").cloned().collect();
            let is_number = |column: &String| table.columns_of(ColumnKind::Int).any(|name| name == column.as_str());
            let kinds: Vec<_> = key.iter().map(is_number).collect();
            store::rows(tx, table, &key, &kinds, after, ROWS).await
        }
    }
}
