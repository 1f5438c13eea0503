//! SQLite's file: one lock for one file, closed to others, not made by those who only read, and a log that stays small.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use kernel::{Code, Scope, Time};
use store::{Access, Db, FileLock, Options};
use testkit::{milliseconds, sqlite};

use crate::tables::{TABLES, counted, hit, migrate, tables};

#[tokio::test]
async fn every_spelling_of_a_file_is_the_same_lock() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    let link = folder.path().join("link.db");
    symlink("x.db", &link).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    symlink(folder.path(), &elsewhere).unwrap();
    let spellings = [
        format!("sqlite:{}", file.display()),
        format!("sqlite://{}", file.display()),
        format!("sqlite:{}?mode=rwc", file.display()),
        format!("sqlite:{}", link.display()),
        format!("sqlite:{}", elsewhere.join("link.db").display()),
        format!("sqlite:{}/../{}/x.db", folder.path().display(), folder.path().file_name().unwrap().display()),
    ];
    // Before there is a file, and when there is one.
    for _ in 0..2 {
        for held in &spellings {
            let lock = FileLock::take(&Options::new(held.as_str())).unwrap();
            for other in &spellings {
                let refused = FileLock::take(&Options::new(other.as_str())).unwrap_err();
                assert_eq!((refused.code, refused.tag), (Code::Conflict, "already_served"), "{held} and {other}");
            }
            drop(lock);
        }
        let db = Db::open(&Options::new(spellings[3].as_str())).await.unwrap();
        migrate(&db).await.unwrap();
        db.close().await;
        assert!(file.is_file());
    }
    let other = FileLock::take(&Options::new(format!("sqlite:{}", folder.path().join("y.db").display())));
    assert!(other.is_ok(), "another file is another lock");
}

#[tokio::test]
async fn a_file_with_two_names_is_refused_before_it_is_damaged() {
    sqlite(|database| async move {
        tables(&database).await;
        let file = database.url().strip_prefix("sqlite:").unwrap().to_owned();
        fs::hard_link(&file, format!("{file}.too")).unwrap();
        let refused = Db::open(&database.options()).await.err().unwrap();
        assert_eq!((refused.code, refused.tag), (Code::Config, "database_file_linked"));
    })
    .await;
}

#[tokio::test]
async fn the_file_and_what_is_beside_it_are_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/deep/x.db");
    let options = Options::new(format!("sqlite:{}", file.display()));
    let lock = FileLock::take(&options).unwrap();
    let db = Db::open(&options).await.unwrap();
    migrate(&db).await.unwrap();
    hit(&db).await.unwrap();
    let modes = || {
        let beside = ["x.db", "x.db-wal", "x.db-shm", "x.db.lock"].map(|name| mode(&file.with_file_name(name)));
        (mode(&folder.path().join("new")), mode(&folder.path().join("new/deep")), beside)
    };
    assert_eq!(modes(), (0o700, 0o700, [0o600; 4]));
    db.close().await;
    drop(lock);

    // One that an earlier version made.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let db = Db::open(&options).await.unwrap();
    hit(&db).await.unwrap();
    assert_eq!(modes(), (0o700, 0o700, [0o600; 4]));
    db.close().await;
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

#[tokio::test]
async fn who_only_reads_makes_no_file_and_changes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let write = Options::new(format!("sqlite:{}", folder.path().join("data/x.db").display()));
    let read = Options { access: Access::Read, ..write.clone() };
    let missing = Db::open(&read).await.err().unwrap();
    assert_eq!((missing.code, missing.tag), (Code::NotFound, "no_database"));
    assert!(!folder.path().join("data").exists());

    let db = Db::open(&write).await.unwrap();
    let reader = Db::open(&read).await.unwrap();
    assert_eq!(store::check(&reader, &[TABLES]).await.unwrap(), ["test/0001_counters", "test/0002_notes"]);
    store::migrate(&db, &[TABLES], Time::from_ms(0)).await.unwrap();
    assert_eq!(store::check(&reader, &[TABLES]).await.unwrap(), [""; 0]);
    hit(&db).await.unwrap();
    assert_eq!(counted(&reader).await, 1);
    assert_eq!(hit(&reader).await.unwrap_err().tag, "opened_to_read");
    reader.close().await;
    db.close().await;
}

/// Rows of one write, and writes. Together they are much more than the limit.
const ROWS: u64 = 500;
const WRITES: u64 = 120;
const LIMIT: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_small_under_readers_that_overlap() {
    sqlite(|database| async move {
        tables(&database).await;
        let db = database.open_with(&Options { log_limit: LIMIT, ..database.options() }).await;
        let (tell, stop) = tokio::sync::watch::channel(false);
        // There is never a moment without one of them.
        let readers: Vec<_> = (0..3).map(|_| tokio::spawn(read_until(db.clone(), stop.clone()))).collect();
        let log = format!("{}-wal", database.url().strip_prefix("sqlite:").unwrap());
        let mut most = 0;
        for _ in 0..WRITES {
            let write = store::work(|tx| {
                Box::pin(async move {
                    let sql = "insert into counters (name, value) select hex(randomblob(20)), 0 from (
                             with recursive n (i) as (select 1 union all select i + 1 from n limit 500)
                             select i from n)";
                    tx.system(sql).execute().await
                })
            });
            assert_eq!(db.write(&Scope::System, write).await.unwrap(), ROWS);
            most = most.max(fs::metadata(&log).map_or(0, |log| log.len()));
        }
        tell.send(true).unwrap();
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(most > LIMIT && most < 64 * LIMIT, "{most} bytes");
        let rows = i64::try_from(ROWS * WRITES + 1).unwrap();
        assert_eq!(database.number("select count(*) as n from counters").await, rows);
    })
    .await;
}

async fn read_until(db: Db, stop: tokio::sync::watch::Receiver<bool>) {
    while !*stop.borrow() {
        let read = db.read(&Scope::System, |tx| {
            Box::pin(async move {
                tx.system("select value from counters where name = 'hits'").rows().await?;
                tokio::time::sleep(milliseconds(15)).await;
                Ok(())
            })
        });
        read.await.expect("it reads");
    }
}

#[tokio::test]
async fn what_another_process_writes_is_told_and_this_ones_own_migration_is_not() {
    sqlite(|database| async move {
        tables(&database).await;
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        database.db.on_commit_elsewhere(Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        // The file is looked at once a second.
        tokio::time::sleep(milliseconds(2500)).await;
        hit(&database.db).await.unwrap();
        tokio::time::sleep(milliseconds(1500)).await;
        assert_eq!(told.load(Ordering::SeqCst), 0);
        database.by_hand().await.run("create table theirs (id text)").await;
        while told.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(milliseconds(20)).await;
        }
    })
    .await;
}
