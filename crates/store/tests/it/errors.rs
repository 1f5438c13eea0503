//! Errors say what to do, and never what was in the statement.

use kernel::{Code, Error, Scope};
use store::{Engine, Tx, Value};
use testkit::{TestDb, both, postgres, sqlite};

use crate::tables::tables;

const SECRET: &str = "ada@example.com";

#[tokio::test]
async fn a_row_that_is_there_already_is_a_conflict() {
    both(|database| async move {
        tables(&database).await;
        let insert = "insert into counters (name, value) values ($1, 1)";
        refused(&database, insert, "hits").await.unwrap_err();
        database.execute("insert into counters (name, value) values ('ada@example.com', 1)").await;
        let error = refused(&database, insert, SECRET).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Conflict, "already_exists"));
        hides_values(&error);
    })
    .await;
}

#[tokio::test]
async fn a_text_that_cannot_be_stored_is_the_callers_mistake_and_is_not_quoted() {
    postgres(|database| async move {
        tables(&database).await;
        for (sql, value) in [
            ("insert into counters (name, value) values ($1, 1)", "ada@example.com\0"),
            ("insert into counters (name, value) values ('x', $1::text::bigint)", SECRET),
        ] {
            let error = refused(&database, sql, value).await.unwrap_err();
            assert_eq!((error.code, error.tag), (Code::BadRequest, "value_unstorable"));
            hides_values(&error);
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_is_wrong_is_our_mistake_and_names_no_value() {
    both(|database| async move {
        tables(&database).await;
        for sql in ["insert into nowhere (name) values ($1)", "insert into counters (name, value) values ($1, null)"] {
            let error = refused(&database, sql, SECRET).await.unwrap_err();
            assert_eq!((error.code, error.tag), (Code::Internal, "database_error"), "{sql}");
            hides_values(&error);
        }
    })
    .await;
}

#[tokio::test]
async fn sqlite_has_no_arrays_and_says_so() {
    sqlite(|database| async move {
        let sql = "select $1 as t";
        let read = database.db.read(&Scope::System, |tx: &mut Tx| {
            Box::pin(async move { tx.system(sql).bind(Value::Ints(vec![1])).rows().await.map(drop) })
        });
        assert_eq!(database.engine(), Engine::Sqlite);
        assert_eq!(read.await.unwrap_err().tag, "array_on_sqlite");
    })
    .await;
}

async fn refused(database: &TestDb, sql: &'static str, value: &'static str) -> kernel::Result<u64> {
    let write = store::work(move |tx: &mut Tx| Box::pin(async move { tx.system(sql).bind(value).execute().await }));
    database.db.write(&Scope::System, write).await
}

/// Nothing that could be logged shows the value or the statement, however deep one looks.
fn hides_values(error: &Error) {
    let mut told = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told += &format!(" {error} {error:?}");
        cause = error.source();
    }
    assert!(!told.contains(SECRET) && !told.contains("values ("), "{told}");
}
