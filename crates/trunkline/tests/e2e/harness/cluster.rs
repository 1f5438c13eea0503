//! A PostgreSQL cluster for tests that stop it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{installation::free_address, skipped, variable};

/// The variable with the folder of PostgreSQL's programs.
const PROGRAMS: &str = "TRUNKLINE_TEST_POSTGRES_BIN";

pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// The account that runs PostgreSQL when the tests run as root, which PostgreSQL refuses.
    account: Option<&'static str>,
    address: SocketAddr,
}

impl Cluster {
    /// Creates and starts a cluster; none where PostgreSQL's programs are not configured.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = variable(PROGRAMS) else {
            skipped(&format!("it stops PostgreSQL itself, and {PROGRAMS} is not set"));
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder can be made");
        let account = is_root().then_some("postgres");
        let cluster = Self { folder, programs: programs.into(), account, address: free_address() };
        cluster.create();
        Some(cluster)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }

    fn create(&self) {
        if let Some(account) = self.account {
            // Only their owner may enter temporary folders.
            run(Command::new("chown").arg(account).arg(self.folder.path()));
        }
        let words = ["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-instructions"];
        run(self.command("initdb").args(words).arg("--pgdata").arg(self.data()));
        let settings = self.data().join("postgresql.conf");
        let (port, host) = (self.address.port(), Ipv4Addr::LOCALHOST);
        let own = format!("\nlisten_addresses = '{host}'\nport = {port}\nunix_socket_directories = ''\n");
        fs::write(&settings, fs::read_to_string(&settings).expect("initdb wrote settings") + &own)
            .expect("settings can be written");
        self.go_on();
    }

    /// Starts the server again.
    pub(crate) fn go_on(&self) {
        let log = self.folder.path().join("log");
        run(self.control().arg("--log").arg(log).args(["--wait", "--timeout=60", "start"]));
    }

    /// Stops the server as a crash does: connections are not told, nothing is written.
    pub(crate) fn crash(&self) {
        run(self.control().args(["--mode=immediate", "--wait", "stop"]));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self) -> Command {
        let mut command = self.command("pg_ctl");
        command.arg("--pgdata").arg(self.data());
        command
    }

    fn command(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match self.account {
            Some(account) => {
                let mut command = Command::new("runuser");
                command.args(["-u", account, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").is_file() {
            quiet(self.control().args(["--mode=immediate", "--wait", "stop"])).status().map(drop).unwrap_or_default();
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) {
    let status = quiet(command).status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// The server inherits the pipes of a test, and would keep them open.
fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
