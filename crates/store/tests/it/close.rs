//! Closing: what was asked for is written, what comes later is told so.

use futures_util::future::join_all;
use kernel::Code;
use testkit::both;

use crate::tables::{counted, hit, tables};

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_what_comes_later() {
    both(|database| async move {
        tables(&database).await;
        let db = database.open().await;
        let (written, ()) = tokio::join!(join_all((0..20).map(|_| hit(&db))), db.close());
        let error = hit(&db).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "database_down"));
        let kept = written.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(counted(&database.db).await, i64::try_from(kept).unwrap());
    })
    .await;
}
