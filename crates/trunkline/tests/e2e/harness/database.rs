//! The database of a test's installation.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use testkit::Hand;

use super::{Installation, number, skipped, variable};

/// The variable with a superuser's address, such as `postgres://postgres@127.0.0.1:5432/postgres`.
const POSTGRES: &str = "TRUNKLINE_TEST_POSTGRES";

/// Runs a test on a new SQLite installation, then on a new PostgreSQL one where there is a server.
pub(crate) fn both(test: impl Fn(Installation)) {
    sqlite(&test);
    postgres(&test);
}

/// Runs a test on a new SQLite installation.
pub(crate) fn sqlite(test: impl FnOnce(Installation)) {
    test(Installation::new(None));
}

/// Runs a test on a new PostgreSQL installation; skips it where no server is configured.
pub(crate) fn postgres(test: impl FnOnce(Installation)) {
    let Some(server) = variable(POSTGRES) else {
        skipped(&format!("not run on PostgreSQL, because {POSTGRES} is not set"));
        return;
    };
    let name = format!("e2e_{:016x}", number(u64::MAX));
    by_hand(&server, &format!("create database {name}"));
    let (address, _) = server.rsplit_once('/').expect("the server's address ends with a database");
    let url = format!("{address}/{name}");
    let outcome = catch_unwind(AssertUnwindSafe(|| test(Installation::new(Some(url)))));
    by_hand(&server, &format!("drop database {name} with (force)"));
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Runs a statement without the product.
pub(crate) fn by_hand(url: &str, sql: &str) {
    wait_for(async { Hand::on(url).await.run(sql).await });
}

/// Returns the first column of a statement's rows, read without the product.
pub(crate) fn texts(url: &str, sql: &str) -> Vec<String> {
    wait_for(async { Hand::on(url).await.texts(sql).await })
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(work)
}
