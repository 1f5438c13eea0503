//! Databases that are made for one measurement.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// On which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    None,
    Sqlite,
    Postgres,
}

/// A database for one measurement.
pub(crate) struct Database {
    pub(crate) url: String,
    store: Store,
    admin: String,
    name: String,
}

impl Database {
    /// An empty one: SQLite's below `folder`, PostgreSQL's on the server `admin`.
    pub(crate) fn make(store: Store, folder: &Path, admin: Option<&str>) -> anyhow::Result<Self> {
        let name = format!("bench_{}_{}", std::process::id(), std::time::UNIX_EPOCH.elapsed()?.as_nanos());
        let admin = admin.unwrap_or_default().to_owned();
        let url = match store {
            Store::None => String::new(),
            Store::Sqlite => format!("sqlite:{}", folder.join(&name).join("bench.db").display()),
            Store::Postgres => {
                psql(&admin, &format!("create database {name}"))?;
                on_server(&admin, &name)
            }
        };
        Ok(Self { url, store, admin, name })
    }

    /// One that is there, and stays.
    pub(crate) fn existing(url: &str) -> Self {
        Self { url: url.to_owned(), store: Store::None, admin: String::new(), name: String::new() }
    }

    /// Removes it, unless it was there before.
    pub(crate) fn drop(self) -> anyhow::Result<()> {
        match self.store {
            Store::None => Ok(()),
            Store::Sqlite => {
                let file = PathBuf::from(self.url.trim_start_matches("sqlite:"));
                Ok(std::fs::remove_dir_all(file.parent().unwrap_or(&file))?)
            }
            Store::Postgres => psql(&self.admin, &format!("drop database {} with (force)", self.name)),
        }
    }
}

/// The address of another database on the same server.
fn on_server(admin: &str, name: &str) -> String {
    let server = admin.rsplit_once('/').map_or(admin, |(server, _)| server);
    format!("{server}/{name}")
}

/// The first process of the server at this address, which must run on this machine.
pub(crate) fn postmaster(url: &str) -> anyhow::Result<u32> {
    let output = Command::new("psql").args([url, "-Atqc", "show data_directory"]).output()?;
    let file = PathBuf::from(String::from_utf8(output.stdout)?.trim()).join("postmaster.pid");
    let text = std::fs::read_to_string(&file)?;
    Ok(text.lines().next().unwrap_or_default().trim().parse()?)
}

fn psql(url: &str, sql: &str) -> anyhow::Result<()> {
    let status = Command::new("psql").args([url, "-q", "-c", sql]).status()?;
    anyhow::ensure!(status.success(), "psql failed: {sql}");
    Ok(())
}
