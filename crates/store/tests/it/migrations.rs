//! Migrations: each once, whoever runs them, and the same tables on both engines.

use kernel::{Code, Time};
use store::{Engine, Migration, MigrationSet};
use testkit::{TestDb, both};

use crate::tables::{TABLES, migrate};

#[tokio::test]
async fn an_empty_database_gets_every_table_and_a_second_run_finds_nothing_to_do() {
    both(|database| async move {
        assert_eq!(migrate(&database.db).await.unwrap(), ["test/0001_counters", "test/0002_notes"]);
        assert_eq!(migrate(&database.db).await.unwrap(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn both_engines_get_the_same_columns() {
    let columns = std::sync::Mutex::new(Vec::new());
    both(|database| {
        let columns = &columns;
        async move {
            store::migrate(&database.db, &[engine_tables(), TABLES], Time::from_ms(0)).await.unwrap();
            let found = columns_of(&database).await;
            assert!(found.iter().any(|column| column == "notes.body text not null"), "{found:#?}");
            columns.lock().unwrap().push(found);
        }
    })
    .await;
    let columns = columns.into_inner().unwrap();
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{columns:#?}");
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    both(|database| async move {
        let handles = [database.open().await, database.open().await, database.open().await];
        let runs = handles.iter().map(migrate);
        let applied = futures_util::future::join_all(runs).await;
        let applied: Vec<_> = applied.into_iter().flat_map(|run| run.unwrap()).collect();
        assert_eq!(applied, ["test/0001_counters", "test/0002_notes"]);
    })
    .await;
}

#[tokio::test]
async fn an_applied_migration_whose_text_changed_is_refused() {
    const EDITED: MigrationSet = MigrationSet {
        name: "test",
        migrations: &[Migration::portable("0001_counters", "create table counters (name text)")],
    };
    both(|database| async move {
        migrate(&database.db).await.unwrap();
        let error = store::migrate(&database.db, &[EDITED], Time::from_ms(0)).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Config, "migration_changed"));
        assert!(error.message.contains("test/0001_counters"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    const BROKEN: MigrationSet = MigrationSet {
        name: "test",
        migrations: &[
            Migration::portable("0001_good", "create table good (id bigint)"),
            Migration::portable("0002_bad", "create table bad (id bigint); insert into nowhere values (1)"),
        ],
    };
    both(|database| async move {
        let error = store::migrate(&database.db, &[BROKEN], Time::from_ms(0)).await.unwrap_err();
        assert!(error.message.contains("test/0002_bad"), "{error}");
        assert_eq!(columns_of(&database).await, [""; 0]);
    })
    .await;
}

fn engine_tables() -> MigrationSet {
    const QUEUE: Migration = Migration::pair(
        "0001_queue",
        include_str!("../../../engine/migrations/0001_queue.sqlite.sql"),
        include_str!("../../../engine/migrations/0001_queue.postgres.sql"),
    );
    const KEYS: Migration = Migration::pair(
        "0002_event_keys",
        include_str!("../../../engine/migrations/0002_event_keys.sqlite.sql"),
        include_str!("../../../engine/migrations/0002_event_keys.postgres.sql"),
    );
    MigrationSet { name: "engine", migrations: &[QUEUE, KEYS] }
}

/// `table.column type [not null]` of every column, in the portable words of the SQLite side.
async fn columns_of(database: &TestDb) -> Vec<String> {
    let sql = match database.engine() {
        Engine::Sqlite => {
            "select m.name || '.' || c.name || ' ' ||
                 case lower(c.type) when 'integer' then 'bigint' else lower(c.type) end ||
                 case when c.\"notnull\" = 1 or c.pk > 0 then ' not null' else '' end
             from sqlite_master m join pragma_table_info(m.name) c
             where m.type = 'table' and m.name not like 'sqlite_%' and m.name <> 'trunkline_migrations' order by 1"
        }
        Engine::Postgres => {
            "select table_name || '.' || column_name || ' ' ||
                 case data_type when 'bytea' then 'blob' else data_type end ||
                 case is_nullable when 'NO' then ' not null' else '' end
             from information_schema.columns
             where table_schema = current_schema() and table_name <> 'trunkline_migrations' order by 1"
        }
    };
    let mut columns = database.by_hand().await.texts(sql).await;
    // SQLite keeps the hashes of events in tables of their own, PostgreSQL in an index.
    columns.retain(|column| !column.starts_with("event_keys.") && !column.starts_with("event_batches."));
    columns.sort();
    columns
}
