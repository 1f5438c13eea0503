//! The commands.

mod backup;
mod codegen;
mod dev;
mod doctor;
mod env;
mod events;
mod features;
mod import;
mod jobs;
mod samples;
mod serve;
mod sign;

use engine::World;
use kernel::Result;

pub(crate) use features::organization_named;

use crate::{
    Ended, boot,
    cli::{Cli, Codegen, Command, Customers},
    environment::Environment,
    logs, output,
    progress::Progress,
};

/// Runs one command to its end.
pub(crate) async fn run(cli: Cli, environment: Environment) -> Result<Ended> {
    let json = cli.global.json;
    let done = match cli.command {
        Command::Customers(Customers::Import(import)) => return import::run(&import, &environment, json).await,
        Command::Env => env::run(),
        Command::Openapi { out } => codegen::openapi(&environment.product, out.as_deref()),
        Command::Codegen(Codegen::Typescript { out }) => codegen::typescript(&environment.product, &out),
        Command::Sign(sign) => sign::run(&sign, &environment),
        Command::Doctor => doctor::run(&environment, json).await,
        Command::Dev => {
            logs::start(&environment.settings)?;
            dev::run(environment).await
        }
        Command::Serve => {
            logs::start(&environment.settings)?;
            serve::run(&environment).await
        }
        Command::Migrate => migrate(&environment, json).await,
        Command::Backup { file } => backup::run(&file, &environment, json).await,
        Command::Restore { file } => backup::restore(&file, &environment, json).await,
        Command::Events(command) => events::run(command, &environment, json).await,
        Command::Jobs(command) => jobs::run(command, &environment, json).await,
        Command::Organizations(command) => features::organizations(command, &environment, json).await,
        Command::Connections(command) => features::connections(command, &environment, json).await,
        Command::Contacts(command) => features::contacts(command, &environment, json).await,
        Command::Conversations(command) => features::conversations(command, &environment, json).await,
        Command::Messages(command) => features::messages(command, &environment, json).await,
        Command::Subscriptions(command) => features::subscriptions(command, &environment, json).await,
    };
    done.map(|()| Ended::Well)
}

async fn migrate(environment: &Environment, json: bool) -> Result<()> {
    let progress = Progress::unknown("bringing the database up to date");
    let (db, applied) = boot::opened(environment, &World::system()).await?;
    drop(progress);
    db.close().await;
    if json {
        applied.iter().for_each(|step| output::say(serde_json::json!({ "applied": step })));
    } else if applied.is_empty() {
        output::say("the database is up to date");
    } else {
        applied.iter().for_each(|step| output::say(format_args!("applied {step}")));
    }
    Ok(())
}
