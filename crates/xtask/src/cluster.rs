//! A temporary PostgreSQL cluster in a folder of its own on a free port, stopped and removed on drop.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    process::{self, find, is_root, output, program, run, succeeds},
    workspace::Workspace,
};

/// A running cluster.
pub(crate) struct Cluster {
    server: Server,
    folder: PathBuf,
    port: u16,
}

/// The folder of a cluster: this prefix, and the process id of the xtask that created it.
const PREFIX: &str = "trunkline-";

/// The programs of one PostgreSQL version, and the account that runs them.
#[derive(Clone)]
struct Server {
    programs: PathBuf,
    /// The account that runs PostgreSQL when xtask runs as root, which PostgreSQL refuses.
    account: Option<&'static str>,
}

impl Cluster {
    /// Creates a cluster and waits until it answers; installs PostgreSQL first where that is necessary and possible.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let server = Server::find_or_install()?;
        install_pooler();
        let folder = server.folder(workspace)?;
        let cluster = Self { server, folder, port: free_port()? };
        cluster.create().context("cannot start a PostgreSQL cluster")?;
        Ok(cluster)
    }

    /// Returns the address of the superuser. Each test creates a database of its own.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns the folder of PostgreSQL's programs, for tests that stop and start a server themselves.
    pub(crate) fn programs(&self) -> &Path {
        &self.server.programs
    }

    fn create(&self) -> Result<()> {
        let initdb = ["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-instructions"];
        output(self.server.command("initdb", &self.folder).args(initdb).arg("--pgdata").arg(self.data()))?;
        // `fsync` stays on, because the tests are about durability.
        let mut settings = fs::read_to_string(self.data().join("postgresql.conf"))?;
        write!(
            settings,
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 200\n\
             timezone = 'UTC'\n",
            self.port
        )?;
        fs::write(self.data().join("postgresql.conf"), settings)?;
        let started = output(self.control().arg("--log").arg(self.log()).args(["--wait", "--timeout=60", "start"]));
        if let Err(error) = started {
            bail!("{error:#}\n{}", fs::read_to_string(self.log()).unwrap_or_default());
        }
        Ok(())
    }

    /// Returns whether the process in the lock file is the cluster's: after a crash its id may belong to another
    /// process.
    fn is_running(&self) -> bool {
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let is_ours = |id: &str| !sees_processes() || command_line(id).contains(&*self.data().to_string_lossy());
        lock.lines().next().is_some_and(is_ours)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn control(&self) -> Command {
        let mut command = self.server.command("pg_ctl", &self.folder);
        command.arg("--pgdata").arg(self.data());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_running() {
            succeeds(self.control().args(["--mode=immediate", "--wait", "stop"]));
        }
        if let Err(error) = process::remove_folder(&self.folder) {
            eprintln!("warning: {error:#}");
        }
    }
}

impl Server {
    fn find_or_install() -> Result<Self> {
        let programs = match programs() {
            Some(programs) => programs,
            None => install()?,
        };
        Ok(Self { programs, account: if is_root() { Some(unprivileged()?) } else { None } })
    }

    /// Returns one of PostgreSQL's programs, run by the right account in `folder`.
    fn command(&self, name: &str, folder: &Path) -> Command {
        let path = self.programs.join(name);
        let mut command = match self.account {
            Some(account) => as_account(account, &path),
            None => program(path),
        };
        command.current_dir(folder);
        command
    }

    /// Returns an empty folder that the right account owns: below `target`, or in the system's temporary folder when
    /// the account cannot enter `target`.
    fn folder(&self, workspace: &Workspace) -> Result<PathBuf> {
        let preferred = workspace.target.join("postgres");
        fs::create_dir_all(&preferred)?;
        let parent = match self.account {
            Some(account) if !succeeds(as_account(account, Path::new("test")).arg("-x").arg(&preferred)) => {
                std::env::temp_dir()
            }
            Some(_) | None => preferred,
        };
        self.sweep(&parent)?;
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder)?;
        if let Some(account) = self.account {
            output(program("chown").arg(account).arg(&folder))?;
        }
        Ok(folder)
    }

    /// Removes the clusters of xtask processes that were killed.
    fn sweep(&self, parent: &Path) -> Result<()> {
        for entry in fs::read_dir(parent)?.flatten() {
            let name = entry.file_name();
            let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
            if sees_processes() && maker.is_some_and(|id| command_line(&id.to_string()).is_empty()) {
                drop(Cluster { server: self.clone(), folder: entry.path(), port: 0 });
            }
        }
        Ok(())
    }
}

/// Finds the newest PostgreSQL: on the `PATH`, or where Debian installs it.
fn programs() -> Option<PathBuf> {
    let on_path = find("initdb").and_then(|path| Some(path.parent()?.to_owned()));
    on_path.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let newest = versions.filter_map(|version| {
            let number = version.file_name().to_str()?.parse::<u32>().ok()?;
            let programs = version.path().join("bin");
            programs.join("initdb").is_file().then_some((number, programs))
        });
        newest.max().map(|(_, programs)| programs)
    })
}

fn install() -> Result<PathBuf> {
    let unwanted_cluster = NoSystemCluster::new()?;
    let installed = install_package("PostgreSQL", "postgresql");
    drop(unwanted_cluster);
    installed?;
    programs().context("the package postgresql brought no initdb")
}

/// Where the tests look for PgBouncer, which they start themselves.
const POOLER: &str = "/usr/sbin/pgbouncer";

/// Installs PgBouncer where it is missing and can be. Without it the tests that need it say that they were skipped.
fn install_pooler() {
    if !Path::new(POOLER).is_file()
        && let Err(error) = install_package("PgBouncer", "pgbouncer")
    {
        eprintln!("warning: {error:#}; what needs it is skipped");
    }
}

fn install_package(name: &str, package: &str) -> Result<()> {
    let missing = format!("{name} is not installed");
    ensure!(is_root(), "{missing}, and only root may install it: sudo apt-get install {package}");
    let Some(apt) = find("apt-get") else { bail!("{missing}, and this machine has no apt-get: install it yourself") };
    eprintln!("{missing}; installing Debian's package");
    // In this runlevel a package starts no service.
    let quiet =
        |words: &[&str]| run(program(&apt).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").args(words));
    if let Err(error) = quiet(&["update", "--quiet"]) {
        eprintln!("warning: {error:#}; the lists that are here may do");
    }
    let words = ["install", "--quiet", "--yes", "--no-install-recommends", "-o", "Acquire::Retries=3", package];
    quiet(&words).with_context(|| format!("{missing} and apt-get could not install it"))
}

/// While this exists, Debian's package does not create a cluster of its own, which would run beside ours.
struct NoSystemCluster(PathBuf);

impl NoSystemCluster {
    fn new() -> Result<Self> {
        let folder = Path::new("/etc/postgresql-common/createcluster.d");
        fs::create_dir_all(folder)?;
        let file = folder.join("trunkline-xtask.conf");
        fs::write(&file, "create_main_cluster = false\n")?;
        Ok(Self(file))
    }
}

impl Drop for NoSystemCluster {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
        // Only an empty folder is removed, which then was created here.
        self.0.parent().map(fs::remove_dir);
    }
}

fn unprivileged() -> Result<&'static str> {
    let account = ["postgres", "nobody"].into_iter().find(|account| succeeds(program("id").arg(account)));
    account.context("PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody")
}

fn as_account(account: &str, path: &Path) -> Command {
    let mut command = program("runuser");
    command.args(["-u", account, "--"]).arg(path);
    command
}

/// Returns whether [`command_line`] works on this system.
fn sees_processes() -> bool {
    !command_line("self").is_empty()
}

/// Returns the command line of a process; empty when it has ended.
fn command_line(process: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(process).join("cmdline")).unwrap_or_default()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
