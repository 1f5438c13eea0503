//! What every table is for, and who cleans it, is written down; and whoever cleans does it at its time.

use std::collections::BTreeSet;

use kernel::Scope;
use testkit::{App, both};

use crate::installation::Installation;

const OPERATING: &str = include_str!("../../../../docs/operating.md");

/// The cells of the table of tables, row by row.
fn rows() -> Vec<Vec<&'static str>> {
    let table = OPERATING.split("| table | what it holds |").nth(1).expect("there is a table of tables");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands in back quotes in one column of all rows.
fn words(column: usize) -> BTreeSet<&'static str> {
    rows().iter().flat_map(|cells| cells[column].split('`').skip(1).step_by(2)).collect()
}

async fn tables(app: &App) -> BTreeSet<String> {
    let tables = app.db.read(&Scope::System, |tx| Box::pin(async move { store::schema(tx).await })).await;
    tables.expect("the database lists its tables").into_iter().map(|table| table.name).collect()
}

#[tokio::test]
async fn every_table_is_in_the_table_of_tables() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let described: BTreeSet<_> = words(0);
        for table in tables(&it.app).await {
            assert!(described.contains(table.as_str()), "{table} is missing in docs/operating.md: say who cleans it");
        }
    })
    .await;
}

#[tokio::test]
async fn every_sweep_is_in_the_table_of_tables_with_its_setting() {
    testkit::sqlite(|database| async move {
        let it = Installation::start(&database).await;
        let (sweeps, settings) = (words(2), words(4));
        for sweep in it.app.handlers.sweeps() {
            assert!(sweeps.contains(sweep.name), "{} is missing in docs/operating.md", sweep.name);
            if let Some(setting) = sweep.keep.setting {
                assert!(settings.contains(setting), "{setting} is missing in docs/operating.md");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_finds_old_rows_reads_an_index_and_no_rows_that_are_kept() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        testkit::assert_sweeps_read_what_they_delete(&database, it.app.handlers.sweeps()).await;
    })
    .await;
}
