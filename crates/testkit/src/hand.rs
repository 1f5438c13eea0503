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

    /// How the database would run a query, line by line. PostgreSQL is asked as the product's own role, and told that the
    /// tables are long: on a short one it would not care for an index.
    pub async fn plan(&mut self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite(conn) => {
                let text = sqlx::raw_sql(AssertSqlSafe(format!("explain query plan {sql}")));
                let rows = text.fetch_all(conn).await.unwrap_or_else(|error| panic!("by hand, {sql}: {error}"));
                rows.iter().map(|row| row.try_get(3).expect("a plan has details")).collect()
            }
            Self::Postgres(_) => {
                self.run("set role trunkline_app; set trunkline.reads_all = 'on'").await;
                self.run("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off").await;
                let plan = self.texts(&format!("explain {sql}")).await;
                self.run(
                    "reset role; reset trunkline.reads_all; reset enable_seqscan; reset enable_bitmapscan; reset enable_sort",
                )
                .await;
                plan
            }
        }
    }

    /// The first column of every row, as text; or what the database says against it.
    ///
    /// # Errors
    /// The text of the database's error.
    pub async fn attempt(&mut self, sql: &str) -> Result<Vec<String>, String> {
        self.fetch(sql, 0).await.map_err(|error| error.to_string())
    }

    /// The first column of every row, as text.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        self.column(sql, 0).await
    }

    /// One column of every row, as text.
    pub async fn column(&mut self, sql: &str, number: usize) -> Vec<String> {
        self.fetch(sql, number).await.unwrap_or_else(|error| panic!("by hand, {sql}: {error}"))
    }

    async fn fetch(&mut self, sql: &str, number: usize) -> Result<Vec<String>, sqlx::Error> {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(conn) => {
                let rows = text.fetch_all(conn).await;
                rows.and_then(|rows| rows.iter().map(|row| row.try_get(number)).collect())
            }
            Self::Postgres(conn) => {
                let rows = text.fetch_all(conn).await;
                rows.and_then(|rows| rows.iter().map(|row| row.try_get(number)).collect())
            }
        }
    }
}
