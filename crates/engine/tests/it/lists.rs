//! Lists of events and jobs, as people who look for trouble see them, and what the queue's length costs.

use engine::{Depths, EventFilter, EventId, JobFilter, JobId, cancel_job};
use kernel::Code;
use store::Engine;
use testkit::{App, TestDb, both, hours};

use crate::shop::{How, errand, order, shop};

async fn events(app: &App, filter: EventFilter) -> Vec<String> {
    let found = engine::events(&app.db, filter).await.expect("the call succeeds");
    found.into_iter().map(|event| event.external_id).collect()
}

async fn jobs(app: &App, filter: JobFilter) -> Vec<String> {
    engine::jobs(&app.db, filter).await.expect("the call succeeds").into_iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn events_are_listed_by_status_vendor_and_page_newest_first() {
    both(|database| async move {
        let app = shop(&database).await;
        for (id, how) in
            [("1", How::Well), ("2", How::Broken), ("3", How::Fails), ("4", How::Broken), ("5", How::Fails)]
        {
            app.deliver("shop", order(id, how)).await.unwrap();
        }
        app.run_jobs().await;
        app.deliver("mail", order("6", How::Well)).await.unwrap();
        app.deliver("shop", order("7", How::Well)).await.unwrap();
        let of = |status: &str| EventFilter { status: Some(status.to_owned()), limit: 10, ..EventFilter::default() };
        assert_eq!(events(&app, of("processed")).await, ["1"]);
        assert_eq!(events(&app, of("dead")).await, ["4", "2"]);
        // Those that wait for another attempt, and those that wait for their first.
        assert_eq!(events(&app, of("pending")).await, ["7", "6", "5", "3"]);
        assert_eq!(events(&app, of("scheduled")).await, ["5", "3"]);
        assert_eq!(events(&app, of("unresolved")).await, [""; 0]);
        assert_eq!(events(&app, EventFilter { limit: 2, ..of("pending") }).await, ["7", "6"]);
        let mail = EventFilter { provider: Some("mail".to_owned()), ..of("pending") };
        assert_eq!(events(&app, mail).await, ["6"]);
        let all = EventFilter { limit: 3, ..EventFilter::default() };
        assert_eq!(events(&app, all.clone()).await, ["7", "6", "5"]);

        let page = engine::events(&app.db, EventFilter { limit: 3, ..of("pending") }).await.unwrap();
        let before = Some(EventId::parse(&page[2].id).unwrap().seq());
        assert_eq!(events(&app, EventFilter { before, ..of("pending") }).await, ["3"]);
        let error = engine::events(&app.db, of("lost")).await.err().unwrap();
        assert_eq!((error.code, error.tag), (Code::BadRequest, "status_unknown"));
    })
    .await;
}

#[tokio::test]
async fn jobs_are_listed_by_status_kind_and_page_newest_first_without_the_events_between_them() {
    both(|database| async move {
        let app = shop(&database).await;
        let at = app.world.now() + hours(1);
        let later = app.enqueue(move || errand("later", How::Well).at(at)).await.unwrap().to_string();
        app.deliver("shop", order("1", How::Well)).await.unwrap();
        let well = app.enqueue(|| errand("well", How::Well)).await.unwrap().to_string();
        let broken = app.enqueue(|| errand("broken", How::Broken)).await.unwrap().to_string();
        app.run_jobs().await;
        let cancelled = app.enqueue(|| errand("cancelled", How::Well)).await.unwrap();
        cancel_job(&app.db, &app.world, &cancelled).await.unwrap();
        let cancelled = cancelled.to_string();
        let of = |status: &str| JobFilter { status: Some(status.to_owned()), limit: 10, ..JobFilter::default() };
        assert_eq!(jobs(&app, of("pending")).await, std::slice::from_ref(&later));
        assert_eq!(jobs(&app, of("processed")).await, std::slice::from_ref(&well));
        assert_eq!(jobs(&app, of("dead")).await, std::slice::from_ref(&broken));
        assert_eq!(jobs(&app, of("cancelled")).await, std::slice::from_ref(&cancelled));
        let all = JobFilter { limit: 10, ..JobFilter::default() };
        assert_eq!(jobs(&app, all.clone()).await, [&cancelled, &broken, &well, &later].map(String::clone));
        let before = Some(JobId::parse(&broken).unwrap().seq());
        assert_eq!(jobs(&app, JobFilter { before, ..all.clone() }).await, [well, later]);
        let errands = JobFilter { kind: Some("errand".to_owned()), ..all.clone() };
        assert_eq!(jobs(&app, errands).await.len(), 4);
        assert_eq!(jobs(&app, JobFilter { kind: Some("other".to_owned()), ..all }).await, [""; 0]);
    })
    .await;
}

/// How the database would look for these rows.
async fn plan(database: &TestDb, sql: &str) -> String {
    let mut hand = database.by_hand().await;
    match database.engine() {
        Engine::Postgres => {
            // A small table is read as a whole, whatever its indexes.
            hand.run("set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off").await;
            hand.texts(&format!("explain {sql}")).await.join("\n")
        }
        // The fourth column of SQLite's plan tells what it does.
        Engine::Sqlite => hand.column(&format!("explain query plan {sql}"), 3).await.join("\n"),
    }
}

#[tokio::test]
async fn a_page_of_a_status_is_read_from_an_index_and_not_from_the_whole_table() {
    both(|database| async move {
        let app = shop(&database).await;
        for turn in 0..20 {
            app.deliver("shop", order(&turn.to_string(), How::Well)).await.unwrap();
        }
        app.run_jobs().await;
        // Nearly all rows are in this state: the database may guess that any of them will do.
        let page = plan(
            &database,
            "select j.seq from jobs j cross join inbox_events e
             where e.seq = j.seq and j.kind = 'event' and j.state >= 'processed' and (j.state, j.seq) < ('processed', 1000)
             order by j.state desc, j.seq desc limit 50",
        );
        let page = page.await;
        assert!(page.contains("jobs_events_by_state"), "{page}");
        assert!(!page.contains("Sort") && !page.contains("TEMP B-TREE"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_queue_is_counted_once_for_all_who_ask_in_the_same_moment() {
    both(|database| async move {
        let app = shop(&database).await;
        app.deliver("shop", order("1", How::Well)).await.unwrap();
        let depths = Depths::new(&app.db);
        let count = |depths: Vec<engine::Depth>| depths.iter().map(|depth| depth.count).sum::<i64>();
        assert_eq!(count(depths.get().await.unwrap()), 1);
        app.deliver("shop", order("2", How::Well)).await.unwrap();
        // Within the second that follows, nobody counts again.
        let (first, second) = tokio::join!(depths.get(), depths.latest());
        assert_eq!((count(first.unwrap()), count(second.unwrap())), (1, 1));
        // Somebody else begins anew.
        assert_eq!(count(Depths::new(&app.db).latest().await.unwrap()), 2);
    })
    .await;
}
