//! Keeps PostgreSQL's statistics of tables that grow fast.
//!
//! PostgreSQL plans by what it knows of a table, and keeps the plan of a prepared statement. Its own autovacuum looks once
//! a minute: until then, a plan that was made for an empty table may read all of one that has a hundred thousand rows by
//! now. An `analyze` also makes such plans be made anew.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError};

use kernel::Result;
use sqlx::{AssertSqlSafe, Executor, Row as _};

use super::pool::Pool;
use crate::error::from_sqlx;

/// Smaller tables are read fast, whatever the plan.
const FEWEST: i64 = 500;
/// How many times as many rows as the statistics tell of a table has when they are made anew.
const GROWTH: i64 = 4;

/// The number of rows that each table had when this process last made its statistics. So what it may not do, as a login that
/// does not own the tables, it does not try again and again.
#[derive(Default)]
pub(crate) struct Statistics(Mutex<HashMap<String, i64>>);

impl Statistics {
    /// Makes anew the statistics of tables that have outgrown them. Returns how many those were.
    pub(crate) async fn refresh(&self, pool: &Pool) -> Result<usize> {
        // Without values, and as the login itself, which owns the tables where it made them.
        let look = format!(
            "select format('%I', c.relname) as name, s.n_live_tup as live, greatest(c.reltuples, 0)::bigint as known
             from pg_stat_user_tables s join pg_class c on c.oid = s.relid
             where s.schemaname = current_schema() and s.n_mod_since_analyze > {FEWEST} and s.n_live_tup > {FEWEST}"
        );
        let mut lent = pool.lend().await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(look)).fetch_all(lent.connection()).await.map_err(from_sqlx)?;
        let mut refreshed = 0;
        for row in rows {
            let name: String = row.try_get("name").map_err(from_sqlx)?;
            let (live, known): (i64, i64) =
                (row.try_get("live").map_err(from_sqlx)?, row.try_get("known").map_err(from_sqlx)?);
            if self.has_outgrown(&name, live, known) {
                lent.connection().execute(AssertSqlSafe(format!("analyze {name}"))).await.map_err(from_sqlx)?;
                refreshed += 1;
            }
        }
        Ok(refreshed)
    }

    fn has_outgrown(&self, name: &str, live: i64, known: i64) -> bool {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.max(made.get(name).copied().unwrap_or(0));
        let outgrown = live > known.saturating_mul(GROWTH);
        if outgrown {
            made.insert(name.to_owned(), live);
        }
        outgrown
    }
}
