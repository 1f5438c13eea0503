//! Trunkline: the back office of a multi-tenant SaaS, in one binary. A product with operations or tables of its own is
//! a binary with its own [`Product`]: the same server and commands, extended.

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

/// Runs the command of this process.
fn main(product: Product) -> ExitCode {
    let catalog = match product.catalog() {
        Ok(catalog) => catalog,
        Err(error) => {
            output::complain(&error);
            return ExitCode::from(exit_code(error.code));
        }
    };
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

/// How a successful command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Everything was done.
    Well,
    /// A part was done, and the rest was reported.
    Partly,
    /// The user stopped it. It can be resumed.
    Interrupted,
}

/// The exit code when only a part was done.
const PARTLY: u8 = 11;
/// The exit code after Ctrl-C, as shells use it.
const INTERRUPTED: u8 = 130;

/// Returns the exit code of an error, on which scripts branch. The argument parser also uses 2.
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
