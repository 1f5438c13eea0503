//! Commits of other nodes.

use std::{collections::HashMap, time::Duration};

use engine::{LiveOptions, Timestamps};
use kernel::{Clock, OrgId, Scope};
use serde_json::{Value, json};
use testkit::{TestClock, both, hours, minutes, postgres};

use super::{
    node::{Node, next, nodes, patient, said, sleeps, woken},
    product::TABLES,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_one_node_wakes_the_views_of_another_without_a_poll() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, LiveOptions { poll: hours(1), ..patient() }).await;
        let ada = one.somebody().await;
        let mut view = other.view(&ada, &["items:list", "weather:sky"]);
        next(&mut view).await;
        // Once it listens, it hears everything.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for n in 1..=20 {
            let ts = one.does(&ada, "items:add", n).await;
            woken(&mut view).await;
            let moment = view.advance(0).await.unwrap();
            assert_eq!(said(&moment), HashMap::from([(0, json!((1..=n).collect::<Vec<_>>()))]));
            assert!(moment.ts > ts - 1_000_000);
        }
        database.execute("insert into weather (sky) values ('blue')").await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(1, json!(["blue"]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_its_line_to_the_others_finds_what_it_missed() {
    postgres(|database| async move {
        let (one, other) = nodes(&database, LiveOptions { poll: hours(1), ..patient() }).await;
        let ada = one.somebody().await;
        let mut view = other.view(&ada, &["items:list"]);
        next(&mut view).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut hand = database.by_hand().await;
        hand.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query like 'LISTEN%'",
        )
        .await;
        one.does(&ada, "items:add", 1).await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_writes_is_shown_by_the_nodes() {
    both(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let mut view = node.view(&ada, &["items:list", "weather:sky"]);
        next(&mut view).await;
        // A process that shows nothing itself, as a command in a terminal.
        let command = database.open().await;
        let world = node.operations.world();
        store::migrate(&command, &[engine::MIGRATIONS, TABLES], world.now()).await.unwrap();
        engine::record_changes(&command, &Timestamps::new(world.clone()));
        for n in 1..=3 {
            let add = store::work(move |tx| {
                Box::pin(async move {
                    tx.system("insert into weather (sky) values ($1)").bind(format!("sky {n}")).execute().await?;
                    tx.query("insert into items (org_id, n) values ($1, $2)").bind(n).execute().await
                })
            });
            command.write(&Scope::Organization(ada.organization.clone().unwrap()), add).await.unwrap();
            woken(&mut view).await;
            let mut shown = next(&mut view).await;
            while shown.len() < 2 {
                woken(&mut view).await;
                shown.extend(next(&mut view).await);
            }
            let skies: Vec<_> = (1..=n).map(|n| format!("sky {n}")).collect();
            assert_eq!(shown, HashMap::from([(0, json!((1..=n).collect::<Vec<_>>())), (1, json!(skies))]));
        }
        command.close().await;
        assert!(sleeps(&mut view).await, "nothing more was written");
    })
    .await;
}

/// What a transaction of another node writes that nobody is notified of.
fn silent(organization: &OrgId, n: i64) -> String {
    format!(
        "insert into items (org_id, n) values ('{organization}', {n});
         insert into changes (xid, organization, tables, ts, created_ms)
         values (pg_current_xact_id()::text::bigint, '{organization}', 'items', 1, 1)"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_wake_up_a_node_looks_by_itself() {
    postgres(|database| async move {
        let node = Node::new(&database).await;
        let ada = node.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let mut view = node.view(&ada, &["items:list"]);
        next(&mut view).await;
        database.by_hand().await.run(&silent(&organization, 1)).await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_node_has_seen_is_forgotten() {
    postgres(|database| async move {
        drop(Node::new(&database).await);
        let now = TestClock::new().now();
        let mut hand = database.by_hand().await;
        for age in [hours(2), minutes(1)] {
            hand.run(&format!(
                "insert into changes (xid, organization, tables, ts, created_ms)
                 select 1, '', 'weather', 1, {} from generate_series(1, 700)",
                (now - age).ms()
            ))
            .await;
        }
        let _house = Node::new(&database).await;
        let left = async {
            while database.number("select count(*) as n from changes").await != 700 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), left).await.expect("old rows go");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(database.number("select count(*) as n from changes").await, 700);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_after_younger_ones_is_not_missed() {
    postgres(|database| async move {
        let poll = Duration::from_millis(20);
        let node = Node::with(&database.db, TestClock::new(), LiveOptions { poll, ..patient() }).await;
        let ada = node.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let mut view = node.view(&ada, &["items:list"]);
        next(&mut view).await;
        let mut hands = Vec::new();
        for n in 1..=3 {
            let mut hand = database.by_hand().await;
            hand.run("begin").await;
            hand.run(&silent(&organization, n)).await;
            hands.push(hand);
        }
        let mut there = Vec::new();
        // The oldest commits last; in between others come and go, and the node looks.
        for n in [3_i64, 2, 1] {
            node.does(&ada, "items:add", n * 10).await;
            there.push(n * 10);
            let mut shown = Value::Null;
            for _ in 0..3 {
                shown = next(&mut view).await.remove(&0).unwrap_or(shown);
                tokio::time::sleep(poll * 2).await;
            }
            hands.remove(usize::try_from(n - 1).unwrap()).run("commit").await;
            there.push(n);
            there.sort_unstable();
            woken(&mut view).await;
            assert_eq!(next(&mut view).await, HashMap::from([(0, json!(there))]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_cut_off_for_longer_than_changes_are_kept_runs_everything_again() {
    postgres(|database| async move {
        let options = LiveOptions { poll: hours(1), ..patient() };
        let cut_off = Node::with(&database.db, TestClock::new(), options).await;
        let ada = cut_off.somebody().await;
        let organization = ada.organization.clone().unwrap();
        let mut view = cut_off.view(&ada, &["items:list", "notes:list"]);
        next(&mut view).await;
        // It listens: what happens now is announced to nobody.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut hand = database.by_hand().await;
        hand.run(&silent(&organization, 1)).await;
        hand.run(&silent(&organization, 2)).await;
        // Another node deletes what is old.
        let other = Node::with(&database.open().await, cut_off.clock.clone(), patient()).await;
        let deleted = async {
            while database.number("select count(*) as n from changes where ts = 1").await != 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), deleted).await.expect("old rows are deleted");
        assert!(sleeps(&mut view).await, "nobody has told this node");
        // Then it hears of anything at all.
        let eve = other.somebody().await;
        other.does(&eve, "items:add", 7).await;
        woken(&mut view).await;
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([1, 2]))]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_from_the_queue_is_shown_by_other_nodes_too() {
    postgres(|database| async move {
        let options = LiveOptions { quiet_poll: Duration::from_millis(20), ..patient() };
        let (one, other) = nodes(&database, options).await;
        let ada = one.somebody().await;
        let mut view = other.view(&ada, &["queue:cursors"]);
        assert_eq!(next(&mut view).await, HashMap::from([(0, json!([]))]));
        for n in 1..=2 {
            let write = store::work(move |tx| {
                Box::pin(async move {
                    let insert = tx.system("insert into cursors (name, position) values ($1, 0)");
                    insert.bind(format!("cursor {n}")).execute().await
                })
            });
            one.db.write(&Scope::System, write).await.unwrap();
            woken(&mut view).await;
            assert_eq!(next(&mut view).await[&0].as_array().map(Vec::len), Some(n));
        }
        // As long as nothing changes, nobody is woken.
        assert!(sleeps(&mut view).await);
    })
    .await;
}
