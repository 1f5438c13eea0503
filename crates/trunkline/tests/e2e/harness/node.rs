//! A running `trunkline serve`, which is killed when its handle is dropped.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use super::{Answer, Client, Installation, Request, eventually, installation::free_address};

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Node {
    /// Starts a node at this address and waits until it is ready.
    pub(crate) fn start(installation: &Installation, address: SocketAddr) -> Self {
        let mut node = Self::start_unready(installation, address);
        node.wait_until_ready();
        node
    }

    /// Starts a node and does not wait.
    pub(crate) fn start_unready(installation: &Installation, address: SocketAddr) -> Self {
        Self::run(installation, "serve", address)
    }

    /// Starts `trunkline dev`, and waits until it is ready.
    pub(crate) fn dev(installation: &Installation) -> Self {
        let mut node = Self::run(installation, "dev", free_address());
        node.wait_until_ready();
        node
    }

    fn run(installation: &Installation, command: &str, address: SocketAddr) -> Self {
        let words = [command, "--listen", &address.to_string()].map(str::to_owned);
        let log = installation.folder().join(format!("node-{}.log", address.port()));
        let mut file = File::options().create(true).append(true).open(&log).expect("a log can be written");
        file.seek(SeekFrom::End(0)).expect("a log has an end");
        let said = File::create(log.with_extension("out")).expect("a file can be written");
        let mut command = installation.binary();
        command.args(words).stdout(said).stderr(file);
        Self { address, child: command.spawn().expect("the binary starts"), log }
    }

    pub(crate) fn wait_until_ready(&mut self) {
        eventually("the node is ready", || {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("the node ended ({status}) instead of serving:\n{}", self.log());
            }
            let answer = self.client().try_send(&Request::get("/health/ready")).ok()?;
            (answer.status == 200).then_some(())
        });
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        self.client().send(request)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path))
    }

    /// The value of one of its metrics; 0 when it has not said it yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").text();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0.0)
    }

    /// Returns everything that it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns everything that it printed.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.log.with_extension("out")).unwrap_or_default()
    }

    /// Starts it again at the same address, after it was killed.
    pub(crate) fn start_again(&mut self, installation: &Installation) {
        *self = Self::start(installation, self.address);
    }

    /// Kills it with SIGKILL. The process has ended when this returns.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// Stops it in the middle of whatever it does, until [`Node::go_on`]. Its connections stay open.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the node runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("memory is a number");
        kib * 1024
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill is there");
        assert!(sent.success(), "the node could not be sent {signal}");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        eventually("the node ends", || self.child.try_wait().expect("a child can be asked"))
    }

    pub(crate) fn stop(self) -> ExitStatus {
        self.terminate();
        self.wait()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap_or_default();
            self.child.wait().map(drop).unwrap_or_default();
        }
        if std::thread::panicking() {
            tell(&self.log());
        }
    }
}

/// Prints the end of a log, for the report of a failed test.
#[expect(clippy::print_stderr, reason = "what a node said helps to see why a test failed")]
fn tell(log: &str) {
    let lines: Vec<_> = log.lines().collect();
    eprintln!("the node's last lines:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
}

/// A pause between two requests of a client.
pub(crate) fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
