//! `customers import`: previews a CSV file, then imports it and shows the progress until the import ends.
//!
//! On the data folder this process does the job's work itself. After an interruption, `--resume` or the next server
//! continues.

mod file;
mod show;
mod work;

use std::io::{self, IsTerminal, Write};

use app::customer_files::{CustomerImport, ImportStatus, Preview};
use kernel::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::Access;

use crate::{Ended, cli::Import, environment::Environment, operations::Target, output};

/// Previews, starts or resumes an import.
pub(crate) async fn run(import: &Import, environment: &Environment, json: bool) -> Result<Ended> {
    let arguments = match &import.file {
        Some(path) => Some(arguments(import, &file::read(path)?)),
        None => None,
    };
    let access = if import.preview { Access::Read } else { Access::Write };
    let target = Target::open(environment, import.of.organization.as_deref(), access).await?;
    let ended = match arguments {
        Some(arguments) if import.preview => preview(&target, arguments, json).await,
        Some(arguments) => begin(&target, import, arguments, json).await,
        None => resume(&target, import.resume.as_deref().unwrap_or_default(), json).await,
    };
    target.close().await;
    ended
}

/// Returns the arguments of the operations, without the name of the file.
fn arguments(import: &Import, csv: &str) -> Value {
    json!({
        "csv": csv,
        "nameColumn": import.name_column,
        "emailColumn": import.email_column,
        "notesColumn": import.notes_column,
        "duplicates": import.duplicates,
    })
}

async fn preview(target: &Target, arguments: Value, json: bool) -> Result<Ended> {
    let preview: Preview = call(target, "customers:previewImport", arguments).await?;
    show::preview(&preview, json)?;
    Ok(if preview.rejected == 0 && preview.room.is_enough { Ended::Well } else { Ended::Partly })
}

async fn begin(target: &Target, import: &Import, mut arguments: Value, json: bool) -> Result<Ended> {
    let is_watched = io::stdin().is_terminal() && io::stderr().is_terminal() && !json;
    if is_watched && !import.yes {
        let preview: Preview = call(target, "customers:previewImport", arguments.clone()).await?;
        show::preview(&preview, false)?;
        if !is_confirmed(preview.valid)? {
            output::note("nothing was imported");
            return Ok(Ended::Well);
        }
    }
    arguments["fileName"] = import.file.as_deref().and_then(file::name).into();
    let begun: CustomerImport = call(target, "customers:import", arguments).await?;
    output::note(format_args!(
        "import {} has begun; when it is interrupted: customers import --resume {}",
        begun.id, begun.id
    ));
    finish(target, begun, json).await
}

async fn resume(target: &Target, id: &str, json: bool) -> Result<Ended> {
    let this = json!({ "importId": id });
    let import: CustomerImport = call(target, "customers:importStatus", this.clone()).await?;
    let import = match import.status {
        ImportStatus::Running => call(target, "customers:resumeImport", this).await?,
        ImportStatus::Done => import,
        // The operation's own error says what to do.
        ImportStatus::Cancelled => return target.call("customers:resumeImport", this).await.map(|_| Ended::Well),
    };
    finish(target, import, json).await
}

/// Waits for the end, and prints the result.
async fn finish(target: &Target, begun: CustomerImport, json: bool) -> Result<Ended> {
    let Some(over) = work::until_over(target, &begun).await? else {
        output::note(match target {
            Target::Local(_) => format!("stopped; go on with: customers import --resume {}", begun.id),
            Target::Remote(_) => {
                format!("the server goes on with it; watch it with: customers import --resume {}", begun.id)
            }
        });
        return Ok(Ended::Interrupted);
    };
    show::outcome(target, &over, json).await?;
    let is_whole = over.status == ImportStatus::Done && over.rejected == 0;
    Ok(if is_whole { Ended::Well } else { Ended::Partly })
}

fn is_confirmed(rows: i64) -> Result<bool> {
    let unheard = |error: io::Error| Error::internal("terminal", "the terminal cannot be read").source(error);
    let (mut terminal, mut answer) = (io::stderr(), String::new());
    write!(terminal, "import {rows} customers? [y/N] ").and_then(|()| terminal.flush()).map_err(unheard)?;
    io::stdin().read_line(&mut answer).map_err(unheard)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Calls an operation, and parses its answer.
async fn call<T: DeserializeOwned>(target: &Target, operation: &str, arguments: Value) -> Result<T> {
    let answer = target.call(operation, arguments).await?;
    serde_json::from_value(answer).map_err(|error| {
        let message =
            format!("the answer of {operation} is not what this command knows: use one of the server's version");
        Error::internal("answer_unknown", message).source(error)
    })
}
