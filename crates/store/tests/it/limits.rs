//! Time limits: what takes too long is cut, and what waits behind it goes on.

use kernel::{Code, Result, Scope};
use store::{Db, Engine, Options, Tx};
use testkit::{TestDb, both, milliseconds, seconds, sqlite};

use crate::tables::{count_one_more, counted, hit, tables};

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_end_is_cut_and_the_next_write_goes_on() {
    both(|database| async move {
        tables(&database).await;
        let db = impatient(&database).await;
        let (slow, next) = tokio::join!(endless(&db), hit(&db));
        let error = slow.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "database_slow"));
        next.unwrap();
        assert_eq!(counted(&db).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_change_is_cut_and_its_neighbours_in_the_commit_stay() {
    both(|database| async move {
        tables(&database).await;
        let db = impatient(&database).await;
        let (first, second, slow, last) = tokio::join!(hit(&db), hit(&db), endless_change(&db), hit(&db));
        assert_eq!(slow.unwrap_err().tag, "database_slow");
        for neighbour in [first, second, last] {
            neighbour.unwrap();
        }
        assert_eq!(counted(&db).await, 3);
        assert_eq!(database.number("select count(*) as n from counters").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_waits_for_something_else_does_not_hold_the_writer() {
    sqlite(|database| async move {
        tables(&database).await;
        let db = impatient(&database).await;
        let asleep = db.write(&Scope::System, |tx| {
            Box::pin(async move {
                count_one_more(tx).await?;
                std::future::pending::<Result<()>>().await
            })
        });
        let (asleep, next) = tokio::join!(asleep, hit(&db));
        assert_eq!(asleep.unwrap_err().tag, "database_slow");
        next.unwrap();
        assert_eq!(counted(&db).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_another_process_holds_is_down_until_it_is_let_go() {
    sqlite(|database| async move {
        tables(&database).await;
        let mut options = database.options();
        options.acquire_timeout = milliseconds(50);
        let db = database.open_with(&options).await;
        let mut other = database.by_hand().await;
        other.run("begin immediate").await;
        let error = hit(&db).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "database_down"));
        assert!(matches!(error.retry(), kernel::Retry::After(_)), "the caller is told when to come back");
        other.run("rollback").await;
        hit(&db).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_connections_are_all_in_use_is_busy_and_not_down() {
    both(|database| async move {
        tables(&database).await;
        let options = Options { acquire_timeout: milliseconds(100), max_connections: 1, ..database.options() };
        let db = database.open_with(&options).await;
        let held = db.read(&Scope::System, |tx| {
            let db = db.clone();
            Box::pin(async move {
                tx.system("select 1 as one").rows().await?;
                Ok(db.read(&Scope::System, |_tx| Box::pin(async { Ok(()) })).await.unwrap_err())
            })
        });
        let error = held.await.unwrap();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "database_busy"));
        assert!(matches!(error.retry(), kernel::Retry::After(_)), "the caller is told when to come back");
        assert!(!store::is_down(&error), "nothing was done, and everybody knows it");
        assert_eq!(counted(&db).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_its_own_answers_while_all_of_the_pool_are_in_use() {
    both(|database| async move {
        tables(&database).await;
        let db = database.open_with(&Options { max_connections: 1, ..database.options() }).await;
        let alone = db.connect_alone(seconds(5));
        let held = db.read(&Scope::System, |tx| {
            let alone = alone.clone();
            Box::pin(async move {
                tx.system("select 1 as one").rows().await?;
                hit(&alone).await
            })
        });
        assert_eq!(held.await.unwrap(), 1);
        alone.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_without_end_are_cut_and_leave_their_places_to_others() {
    both(|database| async move {
        tables(&database).await;
        let db = impatient(&database).await;
        let scans = (0..8).map(|_| endless_read(&db));
        for scan in futures_util::future::join_all(scans).await {
            assert_eq!(scan.unwrap_err().tag, "database_slow");
        }
        assert_eq!(counted(&db).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_waits_for_something_else_gives_up_its_snapshot() {
    sqlite(|database| async move {
        tables(&database).await;
        let db = impatient(&database).await;
        let asleep = db.read(&Scope::System, |tx| {
            Box::pin(async move {
                tx.system("select 1 as one").rows().await?;
                std::future::pending::<Result<()>>().await
            })
        });
        assert_eq!(asleep.await.unwrap_err().tag, "database_slow");
        assert_eq!(counted(&db).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    both(|database| async move { database.db.ping(seconds(10)).await.unwrap() }).await;
}

async fn impatient(database: &TestDb) -> Db {
    database.open_with(&Options { statement_timeout: milliseconds(200), ..database.options() }).await
}

async fn endless(db: &Db) -> Result<i64> {
    db.write(&Scope::System, |tx| Box::pin(count_for_ever(tx))).await
}

async fn endless_read(db: &Db) -> Result<i64> {
    db.read(&Scope::System, |tx| Box::pin(count_for_ever(tx))).await
}

async fn count_for_ever(tx: &mut Tx) -> Result<i64> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) as c from n"
        }
        Engine::Postgres => "select count(*) as c from (select pg_sleep(60)) as s",
    };
    tx.system(sql).row().await?.expect("a count is one row").int("c")
}

async fn endless_change(db: &Db) -> Result<()> {
    let write = db.write(&Scope::System, |tx: &mut Tx| {
        Box::pin(async move {
            tx.system("insert into counters (name, value) values ('endless', 0)").execute().await?;
            let sql = match tx.engine() {
                Engine::Sqlite => {
                    "with recursive n (i) as (select 1 union all select i + 1 from n)
                     update counters set value = (select count(*) from n) where name = 'endless'"
                }
                Engine::Postgres => {
                    "update counters set value = (select count(*) from (select pg_sleep(60)) as s)
                     where name = 'endless'"
                }
            };
            tx.system(sql).execute().await.map(drop)
        })
    });
    write.await
}
