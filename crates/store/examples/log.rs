//! How large SQLite's write-ahead log grows under readers that overlap all the time: `cargo run --release -p store --example log -- 300`
//! for five minutes; with `unbounded` after it, without the pauses that bound it. Prints the largest size of each ten seconds, and of all.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::{Result, Scope, Time};
use store::{Db, Migration, MigrationSet, Options};

const TABLES: MigrationSet = MigrationSet {
    name: "log",
    migrations: &[Migration::portable(
        "0001_rows",
        "create table rows (id bigint not null primary key, body text not null);
         insert into rows (id, body) with recursive n (i) as (select 1 union all select i + 1 from n limit 20000)
             select i, hex(randomblob(500)) from n",
    )],
};
/// Readers at the same time: as many as there are connections for, so that there is never a moment without one.
const READERS: u32 = 4;
/// How often the size is told.
const TOLD: Duration = Duration::from_secs(10);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it prints what it measures")]
async fn main() -> Result<()> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(300);
    let folder = std::env::temp_dir().join(format!("trunkline-log-{}", std::process::id()));
    let file = folder.join("log.db");
    let mut options = Options::new(format!("sqlite:{}", file.display()));
    if std::env::args().any(|argument| argument == "unbounded") {
        options.log_limit = u64::MAX;
    }
    let db = Db::open(&options).await?;
    store::migrate(&db, &[TABLES], Time::from_ms(0)).await?;
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)]);
    let end = Instant::now() + Duration::from_secs(seconds);
    for _ in 0..READERS {
        tokio::spawn(read(db.clone(), end, counts.clone()));
    }
    tokio::spawn(write(db.clone(), end, counts.clone()));
    let (mut most, mut recent, mut next) = (0, 0, Instant::now() + TOLD);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let bytes = fs::metadata(folder.join("log.db-wal")).map_or(0, |log| log.len());
        (most, recent) = (bytes.max(most), bytes.max(recent));
        if Instant::now() > next {
            println!("largest of these ten seconds: {} MiB", recent >> 20);
            (recent, next) = (0, next + TOLD);
        }
    }
    let [reads, refused, writes] = [0, 1, 2].map(|at: usize| counts[at].load(Ordering::Relaxed));
    println!("largest: {} MiB; {reads} reads, {refused} cut or refused, {writes} writes", most >> 20);
    db.close().await;
    fs::remove_dir_all(&folder).unwrap_or_default();
    Ok(())
}

/// Scans the table, and begins the next scan at once.
async fn read(db: Db, end: Instant, counts: Arc<[AtomicU64; 3]>) {
    while Instant::now() < end {
        let scan = db.read(&Scope::System, |tx| {
            Box::pin(async move {
                tx.system("select sum(length(body)) as n from rows").rows().await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
                tx.system("select sum(length(body)) as n from rows").rows().await.map(drop)
            })
        });
        let at = usize::from(scan.await.is_err());
        counts[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes a MiB at a time, wherever it falls.
async fn write(db: Db, end: Instant, counts: Arc<[AtomicU64; 3]>) {
    while Instant::now() < end {
        let write = store::work(|tx| {
            Box::pin(async move {
                let sql = "update rows set body = hex(randomblob(500)) where id in (
                         with recursive n (i) as (select 1 union all select i + 1 from n limit 250)
                         select abs(random()) % 20000 + 1 from n)";
                tx.system(sql).execute().await
            })
        });
        if db.write(&Scope::System, write).await.is_ok() {
            counts[2].fetch_add(1, Ordering::Relaxed);
        }
    }
}
