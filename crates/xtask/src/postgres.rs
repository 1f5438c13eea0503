//! `cargo xtask postgres`: runs a temporary database for development.

use anyhow::Result;

use crate::{cluster::Cluster, interrupt, workspace::Workspace};

pub(crate) fn run() -> Result<()> {
    let cluster = Cluster::start(&Workspace::load()?)?;
    println!("{}", cluster.url());
    eprintln!("Running until Ctrl-C. For the tests: export TRUNKLINE_TEST_POSTGRES={}", cluster.url());
    interrupt::wait();
    Ok(())
}
