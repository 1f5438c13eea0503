//! A fresh database for each test, on both engines.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
};

use engine::SystemRandom;
use futures_util::FutureExt;
use kernel::{Random, Scope};
use store::{Db, Engine, Options};

use crate::Hand;

/// The variable with a superuser's address, such as `postgres://postgres@127.0.0.1:5432/postgres`.
const POSTGRES: &str = "TRUNKLINE_TEST_POSTGRES";

/// An empty database that belongs to one test, and its first handle.
#[derive(Clone)]
pub struct TestDb {
    /// A handle on it, as a node has one.
    pub db: Db,
    url: String,
}

/// Runs a test on a fresh SQLite database, then on a fresh PostgreSQL one where there is a server.
pub async fn both<F, Fut>(test: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    sqlite(&test).await;
    postgres(&test).await;
}

/// Runs a test on a new SQLite database: a file, in a folder that is removed when the test ends.
pub async fn sqlite<F, Fut>(test: F)
where
    F: FnOnce(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    let folder = tempfile::tempdir().expect("a folder for a test's database can be made");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    run(url, test).await;
}

/// Runs a test on a new PostgreSQL database; skips it with a message where no server is configured.
pub async fn postgres<F, Fut>(test: F)
where
    F: FnOnce(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    let Some(server) = server() else {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        skipped(&format!("{test}: not run on PostgreSQL, because {POSTGRES} is not set"));
        return;
    };
    let name = format!("t_{}", random_name());
    let mut hand = Hand::on(&server).await;
    hand.run(&format!("create database {name}")).await;
    let (address, _) = server.rsplit_once('/').expect("the server's address ends with a database");
    let outcome = AssertUnwindSafe(run(format!("{address}/{name}"), test)).catch_unwind().await;
    hand.run(&format!("drop database {name} with (force)")).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

async fn run<F, Fut>(url: String, test: F)
where
    F: FnOnce(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    let options = Options::new(url.clone());
    let engine = options.engine().expect("the address names an engine");
    let db = Db::open(&options).await.expect("the database opens");
    let database = TestDb { db: db.clone(), url };
    let outcome = AssertUnwindSafe(test(database)).catch_unwind().await;
    db.close().await;
    if let Err(panic) = outcome {
        skipped(&format!("it failed on {engine:?}"));
        resume_unwind(panic);
    }
}

impl TestDb {
    /// Returns the engine.
    pub fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// Returns the address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the options with which it is opened, for tests that change them.
    pub fn options(&self) -> Options {
        Options::new(self.url.clone())
    }

    /// Opens another handle, as another node has one.
    pub async fn open(&self) -> Db {
        self.open_with(&self.options()).await
    }

    /// Opens another handle with these options.
    pub async fn open_with(&self, options: &Options) -> Db {
        Db::open(options).await.expect("the database opens")
    }

    /// Returns the number that `sql` selects as `n`, from tables without an organization; `select count(*) as n from
    /// jobs`.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let answer = self.db.read(&Scope::System, |tx| {
            Box::pin(async move { tx.system(sql).row().await?.expect("a number is one row").int("n") })
        });
        answer.await.expect("the database answers a number")
    }

    /// Returns the texts that `sql` selects as `t`.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        let answer = self.db.read(&Scope::System, |tx| {
            Box::pin(async move { tx.system(sql).rows().await?.iter().map(|row| row.text("t")).collect() })
        });
        answer.await.expect("the database answers texts")
    }

    /// Runs a statement whose result does not matter.
    pub async fn execute(&self, sql: &'static str) {
        let write = store::work(move |tx| Box::pin(async move { tx.system(sql).execute().await.map(drop) }));
        self.db.write(&Scope::System, write).await.expect("the database takes a statement");
    }

    /// Opens a connection past the store: to look at rows, to hold a lock, to break something.
    pub async fn by_hand(&self) -> Hand {
        Hand::on(&self.url).await
    }
}

fn random_name() -> String {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    format!("{:016x}", u64::from_le_bytes(bytes))
}

#[expect(clippy::disallowed_methods, reason = "how a test learns of a server: nobody hands tests their settings")]
fn server() -> Option<String> {
    std::env::var(POSTGRES).ok().filter(|url| !url.is_empty())
}

#[expect(clippy::print_stderr, reason = "what was not tested must be seen")]
fn skipped(what: &str) {
    eprintln!("{what}");
}
