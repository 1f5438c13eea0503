//! PostgreSQL goes away under the pool and comes back: callers are told, and nothing has to be restarted.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use kernel::{Code, Scope};
use store::{Db, Isolation, Options};
use testkit::{milliseconds, seconds};

use crate::tables::{counted, hit, migrate};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_and_starts_is_used_again_without_a_restart() {
    let Some(cluster) = Cluster::start() else { return };
    let options = Options { acquire_timeout: milliseconds(500), ..Options::new(cluster.url()) };
    let db = Db::open(&options).await.unwrap();
    migrate(&db).await.unwrap();
    // Every connection of the pool is open when the server goes.
    let hits = futures_util::future::join_all((0..40).map(|_| hit(&db))).await;
    assert_eq!(hits.into_iter().filter(Result::is_ok).count(), 40);

    cluster.control(&["--mode=immediate", "stop"]);
    let error = hit(&db).await.unwrap_err();
    assert_eq!((error.code, error.tag), (Code::Unavailable, "database_down"));
    assert!(db.ping(seconds(5)).await.is_err());
    let error = tokio::time::timeout(options.acquire_timeout * 5, hit_by_statement(&db)).await;
    assert_eq!(
        error.expect("it waits for a connection once, not once for each in the pool").unwrap_err().code,
        Code::Unavailable
    );

    cluster.control(&["start"]);
    // The very first call after it is back succeeds, although the pool is full of dead connections.
    hit(&db).await.unwrap();
    db.ping(seconds(5)).await.unwrap();
    assert_eq!(counted(&db).await, 41);

    // Again, with connections that are only known to be dead when they are used.
    cluster.control(&["--mode=fast", "restart"]);
    hit(&db).await.unwrap();
    assert_eq!(counted(&db).await, 42);
    cluster.control(&["--mode=fast", "restart"]);
    hit_by_statement(&db).await.unwrap();
    db.close().await;
}

/// One statement that is a transaction of its own.
async fn hit_by_statement(db: &Db) -> kernel::Result<u64> {
    let write =
        store::work(|tx| Box::pin(async move { tx.system("update counters set value = value + 1").execute().await }));
    db.write_at(Isolation::Statement, &Scope::System, write).await
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_may_come_up_later() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.control(&["--mode=fast", "stop"]);
    let options = Options { acquire_timeout: milliseconds(200), ..Options::new(cluster.url()) };
    let db = Db::open(&options).await.unwrap();
    assert_eq!(migrate(&db).await.unwrap_err().code, Code::Unavailable);
    cluster.control(&["start"]);
    migrate(&db).await.unwrap();
    hit(&db).await.unwrap();
    db.close().await;
}

/// A throw-away server of this test's own, in a folder that goes with it.
struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// None, with a message, where PostgreSQL is not installed or cannot be run.
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skipped("PostgreSQL's programs are not in /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("trunkline-outage-").tempdir().expect("a folder can be made");
        let port = free_port().expect("a port is free");
        let cluster = Self { programs, folder, port };
        if is_root() && !succeeds(Command::new("chown").arg("postgres").arg(cluster.folder.path())) {
            skipped("PostgreSQL does not run as root, and there is no account postgres");
            return None;
        }
        let mut make = cluster.command("initdb");
        make.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync", "--pgdata"]);
        assert!(succeeds(make.arg(cluster.data())), "initdb failed");
        let settings =
            format!("listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n");
        let added = cluster.data().join("postgresql.auto.conf");
        std::fs::write(added, settings).expect("settings can be written");
        cluster.control(&["start"]);
        Some(cluster)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn control(&self, words: &[&str]) {
        let mut command = self.command("pg_ctl");
        command.args(["--wait", "--timeout=60", "--silent", "--pgdata"]).arg(self.data());
        let log = self.folder.path().join("log");
        command.arg("--log").arg(&log).args(words);
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(succeeds(&mut command), "pg_ctl {words:?} failed: {}", said());
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of PostgreSQL's programs; by the account postgres when we are root, because it refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = Command::new(if is_root() { Path::new("runuser") } else { &path });
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(path);
        }
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["--mode=immediate", "--wait", "--silent", "stop", "--pgdata"]).arg(self.data());
        succeeds(&mut stop);
    }
}

/// Servers that this process has started: each needs a port of its own, also while it is stopped.
static SERVERS: AtomicU32 = AtomicU32::new(0);

/// A port that nothing takes while the server is down: outgoing connections are given those from 32768 on, other servers of this
/// process the next ones, and other processes begin elsewhere.
fn free_port() -> Option<u16> {
    let place = std::process::id().wrapping_mul(8).wrapping_add(SERVERS.fetch_add(1, Ordering::Relaxed));
    let first = 20_000 + u16::try_from(place % 10_000).ok()?;
    (first..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|end| end.success())
}

#[expect(clippy::print_stderr, reason = "what was not tested must be seen")]
fn skipped(why: &str) {
    eprintln!("the outage of PostgreSQL is not tested: {why}");
}
