//! PostgreSQL's own programs for dumps.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use kernel::{Error, Result};
use tokio::{
    fs::File,
    process::{Child, Command},
};
use url::Url;

/// Lets the login read the rows of all organizations: see the policy `backup` in `store::migrate`.
const READS_ALL: &str = "-c trunkline.backup=on";
/// The end of what a program says is what went wrong.
const SAID: usize = 2000;

/// Writes the database at `url` to a file, in `pg_dump`'s custom format.
pub(super) async fn dump(url: &str, file: &Path) -> Result<()> {
    let words = ["--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", "--no-password"];
    let mut child = spawn("pg_dump", url, |command| {
        command.env("PGOPTIONS", READS_ALL).args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    })?;
    let from = child.stdout.take();
    let copy = async {
        let mut file = File::options().write(true).open(file).await?;
        if let Some(mut from) = from {
            tokio::io::copy(&mut from, &mut file).await?;
        }
        file.sync_all().await
    };
    end("pg_dump", child, copy).await
}

/// Reads such a file into the database at `url`: all of it, or nothing.
pub(super) async fn restore(url: &str, file: &Path) -> Result<()> {
    let words = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"];
    let mut child = spawn("pg_restore", url, |command| {
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::null());
    })?;
    let into = child.stdin.take();
    let copy = async {
        let mut file = File::open(file).await?;
        if let Some(mut into) = into {
            tokio::io::copy(&mut file, &mut into).await?;
        }
        Ok(())
    };
    end("pg_restore", child, copy).await
}

/// Starts one of the programs. It reads from us or writes to us: when we are killed, it ends, and undoes what it began.
fn spawn(name: &'static str, url: &str, words: impl FnOnce(&mut Command)) -> Result<Child> {
    let (address, password) = without_password(url)?;
    let mut command = Command::new(find(name));
    words(&mut command);
    command.arg("--dbname").arg(address).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.spawn().map_err(|error| missing(name, error))
}

/// Waits for the program and for what is copied to or from it.
async fn end(name: &'static str, child: Child, copy: impl Future<Output = io::Result<()>>) -> Result<()> {
    let (copied, ended) = tokio::join!(copy, child.wait_with_output());
    let ended = ended.map_err(|error| missing(name, error))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let from = said.char_indices().rev().nth(SAID).map_or(0, |(at, _)| at);
        let said = kernel::mask(said[from..].trim()).to_string();
        return Err(Error::config("pg_tools", format!("{name} failed")).source(io::Error::other(said)));
    }
    copied.map_err(|error| Error::config("pg_tools", format!("what {name} reads or writes was cut off")).source(error))
}

fn missing(name: &'static str, error: io::Error) -> Error {
    let message = format!(
        "{name} cannot be run: install PostgreSQL's client programs (Debian: apt-get install postgresql-client)"
    );
    Error::config("pg_tools_missing", message).source(error)
}

/// Passwords are not for command lines, which everybody on the machine can read.
fn without_password(url: &str) -> Result<(String, Option<String>)> {
    let malformed = |_| Error::config("database_url_malformed", "DATABASE_URL cannot be read as a database address");
    let mut url: Url = url.parse().map_err(malformed)?;
    let password = url.password().map(percent_decode);
    url.set_password(None).unwrap_or_default();
    Ok((url.into(), password))
}

fn percent_decode(text: &str) -> String {
    // `form_urlencoded` reads a plus as a blank; in a password it is one.
    let pair = format!("p={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

/// Where Debian puts each version, or else what is on the path.
fn find(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|version| {
        let number = version.file_name().to_str()?.parse::<u32>().ok()?;
        let program = version.path().join("bin").join(name);
        program.is_file().then_some((number, program))
    });
    newest.max().map_or_else(|| PathBuf::from(name), |(_, program)| program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_the_address_and_is_read_as_it_is() {
        let (address, password) =
            without_password("postgres://us%40er:p%40s+s@db.test:5433/shop?sslmode=require").unwrap();
        assert_eq!(address, "postgres://us%40er@db.test:5433/shop?sslmode=require");
        assert_eq!(password.as_deref(), Some("p@s+s"));
        assert_eq!(without_password("postgres://postgres@127.0.0.1/x").unwrap().1, None);
    }
}
