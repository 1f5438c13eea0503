//! Callers that leave in the middle, as those of a connection that is cut: nobody who comes later notices.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use kernel::Scope;
use store::Db;
use testkit::both;
use tokio::task::yield_now;

use crate::tables::{counted, hit, tables};

/// At how many points of its way a caller leaves.
const POINTS: usize = 12;
/// Rounds, so that every pooled connection is left more than once.
const ROUNDS: i64 = 40;

#[tokio::test]
async fn a_reader_who_leaves_at_any_point_leaves_no_snapshot_behind() {
    both(|database| async move {
        tables(&database).await;
        let db = &database.db;
        for round in 1..=ROUNDS {
            for point in 0..POINTS {
                leave(counted(db), point).await;
            }
            hit(db).await.unwrap();
            assert_eq!(counted(db).await, round);
        }
    })
    .await;
}

#[tokio::test]
async fn a_writer_who_leaves_at_any_point_is_done_or_undone() {
    both(|database| async move {
        tables(&database).await;
        let db = &database.db;
        for _ in 0..ROUNDS {
            for point in 0..POINTS {
                leave(hit(db), point).await;
            }
            let before = settled(db).await;
            assert_eq!(hit(db).await.unwrap(), before + 1);
            assert_eq!(counted(db).await, before + 1);
        }
    })
    .await;
}

/// What the counter shows when everything that was left behind is done with.
async fn settled(db: &Db) -> i64 {
    // On SQLite what waits for the writer is still written: this write waits behind it.
    let nothing = db.write(&Scope::System, |tx| {
        Box::pin(async move { tx.system("update counters set value = value where name = 'hits'").execute().await })
    });
    nothing.await.expect("it works in this test");
    counted(db).await
}

/// Goes on with `work` until it was waited for so many times, and leaves.
async fn leave<T>(work: impl Future<Output = T>, point: usize) {
    let mut work = pin!(work);
    for _ in 0..point {
        let mut waits = Context::from_waker(Waker::noop());
        if let Poll::Ready(_done) = work.as_mut().poll(&mut waits) {
            return;
        }
        // Long enough for an answer of the database to arrive at some of the points.
        for _ in 0..50 {
            yield_now().await;
        }
    }
}
