//! PgBouncer in transaction mode between the nodes and PostgreSQL: every transaction may get another connection of the server.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use futures_util::future::join_all;
use kernel::{Code, Scope};
use store::{Db, Isolation, Options};
use testkit::{TestDb, milliseconds, postgres, seconds};

use crate::{
    tables::{counted, hit, migrate, note, organizations},
    tenants::{roles, seen},
};

#[tokio::test(flavor = "multi_thread")]
async fn many_transactions_on_two_connections_of_the_server_keep_to_role_organization_and_isolation() {
    postgres(|database| async move {
        let Some(pooler) = Pooler::start(&database, "") else { return };
        let db = Db::open(&pooler.options(&database)).await.unwrap();
        migrate(&db).await.unwrap();
        let (ours, theirs) = organizations();
        let notes = (0..40).map(|id| note(&db, if id % 2 == 0 { &ours } else { &theirs }, id));
        let (hits, notes) = tokio::join!(join_all((0..40).map(|_| hit(&db))), join_all(notes));
        for done in hits.into_iter().map(|hit| hit.map(drop)).chain(notes) {
            done.unwrap();
        }
        assert_eq!(counted(&db).await, 40);
        let even: Vec<i64> = (0..40).step_by(2).collect();
        let ours = Scope::from(ours);
        for (seen, roles) in join_all((0..20).map(|_| async { (seen(&db, &ours).await, roles(&db).await) })).await {
            assert_eq!(seen, even, "also by a statement that forgets the organization");
            assert_eq!(roles, ["trunkline_app f f"]);
        }
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_statements_with_values_time_limits_and_wake_ups_work_behind_it() {
    postgres(|database| async move {
        let Some(pooler) = Pooler::start(&database, "") else { return };
        let options = Options { statement_timeout: milliseconds(200), ..pooler.options(&database) };
        let db = Db::open(&options).await.unwrap();
        migrate(&db).await.unwrap();
        let set = |value: i64| {
            let set = store::work(move |tx| {
                Box::pin(async move {
                    tx.system("update counters set value = value + $1").bind(value).execute().await.map(drop)
                })
            });
            db.write_at(Isolation::Statement, &Scope::System, set)
        };
        for done in join_all((0..40).map(|_| set(1))).await {
            done.unwrap();
        }
        assert_eq!(counted(&db).await, 40);
        let asleep = db.read(&Scope::System, |tx| {
            Box::pin(
                async move { tx.system("select count(*) as n from (select pg_sleep(60)) s").rows().await.map(drop) },
            )
        });
        assert_eq!(asleep.await.unwrap_err().tag, "database_slow");

        let mut listener = db.listen("pooler_test").await;
        assert!(listener.is_connected());
        let tell = db.write(&Scope::System, |tx| {
            Box::pin(async move { tx.system("select pg_notify('pooler_test', '')").rows().await.map(drop) })
        });
        tell.await.unwrap();
        assert!(listener.heard().await);
        let alone = db.connect_alone(seconds(5));
        assert_eq!(roles(&alone).await, ["trunkline_app f f"]);
        alone.close().await;
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_pooler_that_nobody_named_is_found_and_the_missing_setting_is_named() {
    postgres(|database| async move {
        // The second one takes the settings of a session, and drops them.
        for more in ["", "ignore_startup_parameters = options,extra_float_digits"] {
            let Some(pooler) = Pooler::start(&database, more) else { return };
            let db = Db::open(&Options { direct_url: None, ..pooler.options(&database) }).await.unwrap();
            for error in [migrate(&db).await.unwrap_err(), db.ping(seconds(5)).await.unwrap_err()] {
                assert_eq!((error.code, error.tag), (Code::Config, "database_pooler"), "{more}");
                assert!(error.message.contains("DATABASE_DIRECT_URL"), "{error}");
            }
            db.close().await;
        }
    })
    .await;
}

/// PgBouncer on a port of its own.
struct Pooler {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Pooler {
    /// None, with a message, where it is not installed or cannot be run.
    fn start(database: &TestDb, more: &str) -> Option<Self> {
        let Some(program) = program() else {
            skipped("pgbouncer is not installed (Debian: apt-get install pgbouncer)");
            return None;
        };
        let server = url::Url::parse(database.url()).expect("the server has an address");
        let folder = tempfile::Builder::new().prefix("trunkline-pooler-").tempdir().expect("a folder can be made");
        let port =
            TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port is free").port();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={} port={} user={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n{more}\n",
            server.host_str().unwrap_or("127.0.0.1"),
            server.port().unwrap_or(5432),
            server.username(),
        );
        std::fs::write(&settings, text).expect("settings can be written");
        if is_root() {
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            if !owned.is_ok_and(|end| end.success()) {
                skipped("pgbouncer does not run as root, and there is no account postgres");
                return None;
            }
        }
        let mut command = Command::new(if is_root() { Path::new("runuser") } else { &program });
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        command.arg("--quiet").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("pgbouncer starts");
        let pooler = Self { process, folder, port };
        pooler.wait();
        Some(pooler)
    }

    fn wait(&self) {
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(milliseconds(50));
        }
        panic!("pgbouncer does not listen: see {}", self.folder.path().display());
    }

    fn options(&self, database: &TestDb) -> Options {
        let mut url = url::Url::parse(database.url()).expect("the server has an address");
        url.set_host(Some("127.0.0.1"))
            .and_then(|()| url.set_port(Some(self.port)).map_err(|()| url::ParseError::EmptyHost))
            .expect("an address");
        Options { url: url.into(), direct_url: Some(database.url().to_owned()), ..database.options() }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // What runs it as another account passes the signal on.
        let stopped = Command::new("kill").arg(self.process.id().to_string()).status();
        if stopped.is_ok_and(|end| end.success()) {
            self.process.wait().map(drop).unwrap_or_default();
        }
    }
}

fn program() -> Option<PathBuf> {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[expect(clippy::print_stderr, reason = "what was not tested must be seen")]
fn skipped(why: &str) {
    eprintln!("PgBouncer is not tested: {why}");
}
