//! Trunkline: the back office of a multi-tenant SaaS, in one binary.

mod boot;
mod cli;
mod commands;
mod environment;
mod installation;
mod logs;
mod output;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use kernel::{Code, Error};

use crate::{cli::Cli, environment::Environment};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(exit_code(error.code))
        }
    }
}

fn run(cli: Cli) -> kernel::Result<()> {
    let environment = Environment::read(&cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::internal("runtime", "the runtime cannot start").source(error))?;
    runtime.block_on(commands::run(cli, environment))
}

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
