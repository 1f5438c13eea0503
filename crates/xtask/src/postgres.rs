//! `cargo xtask postgres`: a database to develop against, gone afterwards.

use anyhow::Result;

use crate::{cluster::Cluster, interrupt, workspace::Workspace};

pub(crate) fn run() -> Result<()> {
    let cluster = Cluster::start(&Workspace::load()?)?;
    println!("{}", cluster.url());
    eprintln!("Running until Ctrl-C. For the tests: export TRUNKLINE_TEST_POSTGRES={}", cluster.url());
    interrupt::wait();
    Ok(())
}
