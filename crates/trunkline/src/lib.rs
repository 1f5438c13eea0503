//! Trunkline: the back office of a multi-tenant SaaS, in one binary. A product that has more than the standard features is
//! a binary of its own with a [`Product`]: the same server, the same commands, and what it adds.

mod authenticator;
mod boot;
mod cli;
mod commands;
mod environment;
mod installation;
mod logs;
mod operations;
mod output;
mod product;
mod progress;
mod settings;

pub use product::Product;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use engine::Catalog;
use kernel::{Code, Error};

use crate::{
    cli::{Cli, Global},
    environment::Environment,
};

/// Runs the command that the process was started with.
fn main(product: Product) -> ExitCode {
    let catalog = product.catalog();
    let own = Cli::command().name(product.name);
    let matches = operations::extend(own.clone(), &catalog).get_matches();
    match run(&own, &matches, &catalog, product) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Partly) => ExitCode::from(PARTLY),
        Ok(Ended::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            output::complain(&error);
            ExitCode::from(exit_code(error.code))
        }
    }
}

fn run(own: &clap::Command, matches: &ArgMatches, catalog: &Catalog, product: Product) -> kernel::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::internal("runtime", "the runtime cannot start").source(error))?;
    if let Some(call) = operations::called(own, matches, catalog)? {
        let global = Global::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
        let environment = Environment::read(&global, false, product)?;
        return runtime.block_on(operations::run(&call, &environment, global.json)).map(|()| Ended::Well);
    }
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    let environment = Environment::read(&cli.global, matches!(cli.command, cli::Command::Dev), product)?;
    runtime.block_on(commands::run(cli, environment))
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All of it was done.
    Well,
    /// A part of it was done, and what was not was named.
    Partly,
    /// Somebody stopped it. It can go on.
    Interrupted,
}

/// The exit code of what was done in part.
const PARTLY: u8 = 11;
/// The exit code of what was stopped by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// What scripts branch on. 2 is also what the argument parser uses.
fn exit_code(code: Code) -> u8 {
    match code {
        Code::Internal => 1,
        Code::BadRequest => 2,
        Code::NotFound => 3,
        Code::Conflict => 4,
        Code::Config => 5,
        Code::Unavailable | Code::RateLimited => 6,
        Code::Unauthenticated | Code::Forbidden => 7,
        Code::LimitReached => 8,
        Code::Unsupported => 9,
        Code::Vendor => 10,
    }
}
