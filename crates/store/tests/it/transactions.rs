//! Transactions: all or nothing, as if one after the other, and each caller's failure is that caller's alone.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use kernel::{Code, Error, Result, Scope};
use store::{Db, Engine};
use testkit::both;

use crate::tables::{count_one_more, counted, hit, set, tables};

#[tokio::test(flavor = "multi_thread")]
async fn increments_that_read_before_they_write_are_never_lost() {
    both(|database| async move {
        tables(&database).await;
        let other = database.open().await;
        let all = (0..50).map(|turn| if turn % 2 == 0 { database.db.clone() } else { other.clone() });
        // Two at a time, from two handles: on SQLite two writers on one file, on PostgreSQL two nodes.
        let all: Vec<_> = all.collect();
        for pair in all.chunks(2) {
            for result in join_all(pair.iter().map(hit)).await {
                result.unwrap();
            }
        }
        assert_eq!(counted(&database.db).await, 50);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_on_one_row_all_get_their_turn() {
    both(|database| async move {
        tables(&database).await;
        for result in join_all((0..50).map(|_| hit(&database.db))).await {
            result.unwrap();
        }
        assert_eq!(counted(&database.db).await, 50);
    })
    .await;
}

#[tokio::test]
async fn a_failing_write_leaves_no_trace_and_its_neighbours_intact() {
    both(|database| async move {
        tables(&database).await;
        let writes = (0..40).map(|turn| {
            let db = database.db.clone();
            async move {
                if turn % 4 == 3 {
                    fail_after_writing(&db).await.unwrap_err().tag
                } else {
                    hit(&db).await.map(|_| "").unwrap()
                }
            }
        });
        let answers = join_all(writes).await;
        assert_eq!(answers.iter().filter(|tag| **tag == "changed_my_mind").count(), 10);
        assert_eq!(counted(&database.db).await, 30);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_fails_fails_only_its_own_write() {
    both(|database| async move {
        tables(&database).await;
        let broken = database.db.write(&Scope::System, |tx| {
            Box::pin(async move {
                count_one_more(tx).await?;
                tx.system("insert into counters (name, value) values ('hits', 1)").execute().await.map(drop)
            })
        });
        let (before, broken, after) = tokio::join!(hit(&database.db), broken, hit(&database.db));
        assert_eq!((before.is_ok(), broken.unwrap_err().code, after.is_ok()), (true, Code::Conflict, true));
        assert_eq!(counted(&database.db).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_an_error_for_its_caller_and_for_nobody_else() {
    both(|database| async move {
        tables(&database).await;
        let panicking = database.db.write(&Scope::System, |tx| {
            Box::pin(async move {
                count_one_more(tx).await?;
                if tx.engine() == Engine::Sqlite || tx.engine() == Engine::Postgres {
                    panic!("a defect");
                }
                Ok(())
            })
        });
        let (before, panicked, after) = tokio::join!(hit(&database.db), panicking, hit(&database.db));
        let error = panicked.unwrap_err();
        assert_eq!((error.code, error.tag, error.retry()), (Code::Internal, "panicked", kernel::Retry::Never));
        assert!(before.is_ok() && after.is_ok());
        hit(&database.db).await.unwrap();
        assert_eq!(counted(&database.db).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_conflict_runs_the_work_again_and_a_real_error_does_not() {
    both(|database| async move {
        tables(&database).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = runs.clone();
        let failing = store::work(move |_tx| {
            counter.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { Err::<(), _>(Error::unavailable("vendor_down", "not the database")) })
        });
        assert_eq!(database.db.write(&Scope::System, failing).await.unwrap_err().tag, "vendor_down");
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn reading_cannot_write() {
    both(|database| async move {
        tables(&database).await;
        let write = database.db.read(&Scope::System, |tx| Box::pin(set(tx, 9)));
        assert!(write.await.is_err());
        assert_eq!(counted(&database.db).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reading_sees_one_snapshot() {
    both(|database| async move {
        tables(&database).await;
        let db = database.db.clone();
        let (first, second) = database
            .db
            .read(&Scope::System, |tx| {
                Box::pin(async move {
                    let sql = "select value from counters where name = 'hits'";
                    let first = tx.system(sql).row().await?.unwrap().int("value")?;
                    hit(&db).await?;
                    let second = tx.system(sql).row().await?.unwrap().int("value")?;
                    Ok((first, second))
                })
            })
            .await
            .unwrap();
        assert_eq!((first, second, counted(&database.db).await), (0, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_commit_wakes_those_who_wait_when_it_was_asked_to() {
    both(|database| async move {
        tables(&database).await;
        let woken = database.db.woken();
        let announce = database.db.write(&Scope::System, |tx| {
            tx.wake();
            Box::pin(set(tx, 1))
        });
        announce.await.unwrap();
        woken.await;
    })
    .await;
}

async fn fail_after_writing(db: &Db) -> Result<()> {
    let write = db.write(&Scope::System, |tx| {
        Box::pin(async move {
            set(tx, 1000).await?;
            Err(Error::conflict("changed_my_mind", "no"))
        })
    });
    write.await
}

#[tokio::test]
async fn numbers_read_the_same_wherever_they_come_from() {
    both(|database| async move {
        tables(&database).await;
        let read = database.db.read(&Scope::System, |tx| {
            Box::pin(async move {
                let sql = "select 7 as literal, case when value = 0 then 1 else 0 end as yes, count(*) as n,
                         cast(null as bigint) as none
                     from counters group by value";
                let row = tx.system(sql).row().await?.expect("one row");
                Ok((row.int("literal")?, row.bool("yes")?, row.int("n")?, row.opt_int("none")?, row.int("none")))
            })
        });
        let (literal, yes, n, nothing, missing) = read.await.unwrap();
        assert_eq!((literal, yes, n, nothing), (7, true, 1, None));
        assert_eq!(missing.unwrap_err().tag, "column_unreadable");
    })
    .await;
}
