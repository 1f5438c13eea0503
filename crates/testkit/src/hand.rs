//! A connection past the store, as the owner of the database, for what a test does without the product.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

/// A plain connection. On PostgreSQL it is the superuser's, to whom row-level security does not apply.
pub enum Hand {
    /// A connection to a SQLite file.
    Sqlite(SqliteConnection),
    /// A connection to a PostgreSQL database.
    Postgres(PgConnection),
}

impl Hand {
    /// Connects to this address.
    pub async fn on(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await.expect("SQLite's file opens"))
        } else {
            Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL answers"))
        }
    }

    /// Runs any text: one statement, several, `begin`, `create table`.
    pub async fn run(&mut self, sql: &str) {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match self {
            Self::Sqlite(conn) => text.execute(conn).await.map(drop),
            Self::Postgres(conn) => text.execute(conn).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("by hand, {sql}: {error}"));
    }

    /// Returns the first column of every row, as text.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        self.column(sql, 0).await
    }

    /// One column of every row, as text.
    pub async fn column(&mut self, sql: &str, number: usize) -> Vec<String> {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let rows: Result<Vec<String>, _> = match self {
            Self::Sqlite(conn) => {
                let rows = text.fetch_all(conn).await;
                rows.and_then(|rows| rows.iter().map(|row| row.try_get(number)).collect())
            }
            Self::Postgres(conn) => {
                let rows = text.fetch_all(conn).await;
                rows.and_then(|rows| rows.iter().map(|row| row.try_get(number)).collect())
            }
        };
        rows.unwrap_or_else(|error| panic!("by hand, {sql}: {error}"))
    }
}
