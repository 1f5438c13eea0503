//! Runs other programs.

use std::{
    env,
    ffi::OsStr,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::interrupt::{self, Interrupt};

/// Creates a command whose messages are in English, and which does not read from the terminal.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    // `cargo run` sets variables that describe this crate; a cargo that is started here must not inherit them.
    #[expect(clippy::disallowed_methods, reason = "a tool for developers hands its own environment on")]
    let inherited = env::vars_os();
    for (name, _) in inherited {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Returns the cargo that runs this process.
pub(crate) fn cargo() -> Command {
    program(variable("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs the command with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = display(command);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { bail!("{name} failed ({status})") };
        }
        if let Some(interrupt) = interrupt::seen() {
            stop(&mut child, interrupt)?;
            bail!("{name} was interrupted");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs the command and returns its standard output; its standard error is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = display(command);
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} printed something that is not UTF-8"))
}

/// Returns whether the command can be started and succeeds; its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Returns the path of a program on the `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(&variable("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Returns a variable of the environment; an empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "a developer's tool, not the product: it has no settings struct")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns whether this process runs as root.
pub(crate) fn is_root() -> bool {
    output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Removes a folder that may not exist.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Waits for the child to end, then asks it to end, and finally kills it.
fn stop(child: &mut Child, interrupt: Interrupt) -> Result<()> {
    if interrupt == Interrupt::Terminal && ends_within(child, Duration::from_secs(10))? {
        return Ok(());
    }
    succeeds(program("kill").args(["-TERM", &child.id().to_string()]));
    if !ends_within(child, Duration::from_secs(10))? {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

fn ends_within(child: &mut Child, span: Duration) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < span {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

/// Formats the command as a person would type it, without the folder of the program.
fn display(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
