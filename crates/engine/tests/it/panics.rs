//! A panic is the failure of what panicked, and of nothing else.

use testkit::both;

use crate::shop::{How, effects, errand, order, shop};

#[tokio::test]
async fn a_job_that_panics_is_given_up_and_the_workers_go_on() {
    both(|database| async move {
        let app = shop(&database).await;
        let job = app.enqueue(|| errand("a", How::Panics)).await.unwrap();
        app.enqueue(|| errand("b", How::Well)).await.unwrap();
        app.run_jobs().await;
        let row = app.job(&job).await;
        assert_eq!((row.status.as_str(), row.attempts), ("dead", 1));
        assert!(row.error.unwrap().contains("panicked"));
        assert_eq!(effects(&database).await, ["b"]);
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_in_its_transaction_is_given_up_and_undone() {
    both(|database| async move {
        let app = shop(&database).await;
        let event = app.deliver("shop", order("1", How::Panics)).await.unwrap();
        app.deliver("shop", order("2", How::Well)).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.event(&event.id).await.status, "dead");
        app.deliver("shop", order("3", How::Well)).await.unwrap();
        app.run_jobs().await;
        assert_eq!(effects(&database).await, ["2", "3"]);
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_before_its_transaction_is_given_up() {
    both(|database| async move {
        let app = shop(&database).await;
        let panics = app.deliver("shop", testkit::event("1", "routing_panics", "{}")).await.unwrap();
        let refuses = app.deliver("shop", testkit::event("2", "routing_refuses", "{}")).await.unwrap();
        app.deliver("shop", order("3", How::Well)).await.unwrap();
        app.run_jobs().await;
        assert_eq!(app.event(&panics.id).await.status, "dead");
        assert!(app.event(&refuses.id).await.error.unwrap().contains("this is no order"));
        assert_eq!(effects(&database).await, ["3"]);
    })
    .await;
}
