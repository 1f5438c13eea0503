//! Tenants with thousands of different queries that write all the time, and one beside them that has nothing to do with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    marks,
    report::{Numbers, percentile},
    socket::{Mouth, Socket},
    target::{Says, Seat, Target},
};

/// Tenants that flood the server.
pub(crate) const TENANTS: usize = 3;
/// Queries of one connection: as many as the server takes.
const QUERIES: usize = 500;
/// Queries in one message, which has to fit into what the operating system buffers.
const MESSAGE: usize = 100;
/// How often each of the tenants writes, and how often the uninvolved one does.
const WRITES: Duration = Duration::from_millis(500);
const OWN_WRITES: Duration = Duration::from_millis(100);
/// How long one write may take to be seen.
const LIMIT: Duration = Duration::from_secs(60);

/// When somebody saw a write, by its mark.
type Sights = Arc<Mutex<HashMap<usize, Vec<Instant>>>>;

/// Measures how long an uninvolved tenant waits for its own writes: alone, and while the others have `queries` each.
pub(crate) async fn measure(target: &Target<'_>, queries: usize, seconds: u64) -> anyhow::Result<Numbers> {
    let mut numbers = Numbers::of(&format!("{TENANTS} tenants with {queries} queries, 2 writes/s each"));
    let mut quiet = target.watch([Seat { organization: Some(TENANTS), person: 0 }]).await?;
    let quiet = quiet.pop().context("no socket")?;
    let says = target.says(Some(TENANTS));
    let (quiet, alone) = own_writes(quiet, &says, 0, seconds.min(5)).await?;
    note(&mut numbers, "uninvolved, alone", alone);

    let began = Instant::now();
    let mut tasks = JoinSet::new();
    let seen: Vec<Sights> = (0..TENANTS).map(|_| Sights::default()).collect();
    let mut writers = Vec::new();
    for (tenant, sights) in seen.iter().enumerate() {
        for socket in 0..queries / QUERIES {
            let mut watching = target.writer(Some(tenant)).await?;
            let first = socket * QUERIES;
            ask(&mut watching, first..first + QUERIES).await?;
            if socket == 0 {
                writers.push((watching.mouth(), target.says(Some(tenant))));
            }
            tasks.spawn(listen(watching, sights.clone()));
        }
    }
    let mut neighbour = target.watch([Seat { organization: Some(0), person: 1 }]).await?;
    let neighbour_sees = Sights::default();
    tasks.spawn(listen(neighbour.pop().context("no socket")?, neighbour_sees.clone()));
    numbers.add("all queries answered, s", began.elapsed().as_secs_f64());

    let written: Arc<Mutex<Vec<(usize, usize, Instant)>>> = Arc::default();
    for (tenant, (mouth, says)) in writers.into_iter().enumerate() {
        tasks.spawn(write(tenant, mouth, says, written.clone()));
    }
    let (_, beside) = own_writes(quiet, &says, 1_000_000, seconds).await?;
    note(&mut numbers, "uninvolved, beside them", beside);
    tasks.shutdown().await;

    let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
    let since = |sights: &Sights, of: usize| {
        let sights = sights.lock().unwrap_or_else(PoisonError::into_inner);
        let own = written.iter().filter(|(tenant, _, _)| *tenant == of);
        // Whoever sees a later write has seen the ones before.
        let first =
            |mark: usize| sights.iter().filter(|(seen, _)| **seen >= mark).flat_map(|(_, at)| at).min().copied();
        own.filter_map(|(_, mark, at)| Some(first(*mark)?.saturating_duration_since(*at).as_secs_f64() * 1000.0))
            .collect()
    };
    note(&mut numbers, "a small socket of a flooding tenant", since(&neighbour_sees, 0));
    note(&mut numbers, "the first large socket of a flooding tenant", since(&seen[0], 0));
    Ok(numbers)
}

fn note(numbers: &mut Numbers, who: &str, mut passed: Vec<f64>) {
    passed.sort_by(f64::total_cmp);
    for (share, of) in [("p50", 0.5), ("p95", 0.95), ("worst", 1.0)] {
        numbers.add(&format!("{who}: write to sight, {share}, ms"), percentile(&passed, of));
    }
}

/// Adds different queries, and waits until all of them are answered.
async fn ask(socket: &mut Socket, queries: std::ops::Range<usize>) -> anyhow::Result<()> {
    let (mouth, first) = (socket.mouth(), queries.start);
    let all: Vec<_> = queries.collect();
    let mut version = 1;
    for some in all.chunks(MESSAGE) {
        let add = |number: &usize| {
            json!({
                "type": "Add",
                "queryId": number - first,
                "udfPath": "customers:page",
                "args": [{ "paginationOpts": { "numItems": 10, "cursor": null, "id": number } }],
            })
        };
        let modifications: Vec<_> = some.iter().map(add).collect();
        let message = json!({
            "type": "ModifyQuerySet",
            "baseVersion": version,
            "newVersion": version + 1,
            "modifications": modifications,
        });
        version += 1;
        mouth.say(&message.to_string())?;
    }
    let last = format!(r#""endVersion":{{"querySet":{version}"#);
    let answered = async {
        while !socket.wait_for(r#"{"type":"Transition""#).await?.contains(&last) {}
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, answered).await.context("the queries were not answered")?
}

async fn listen(mut socket: Socket, sights: Sights) {
    let told = |message: &str| {
        if let Some(mark) = marks::shown(message) {
            let mut sights = sights.lock().unwrap_or_else(PoisonError::into_inner);
            sights.entry(mark).or_default().push(Instant::now());
        }
    };
    while socket.hear(told).await.is_ok() {}
}

async fn write(tenant: usize, mouth: Mouth, says: Says, written: Arc<Mutex<Vec<(usize, usize, Instant)>>>) {
    let mut tick = tokio::time::interval(WRITES);
    for mark in 1.. {
        tick.tick().await;
        written.lock().unwrap_or_else(PoisonError::into_inner).push((tenant, mark, Instant::now()));
        if mouth.say(&says.commit(mark, mark)).is_err() {
            return;
        }
    }
}

/// Writes at a steady pace for so long. How many milliseconds each write took until the writer saw it.
async fn own_writes(mut socket: Socket, says: &Says, first: usize, seconds: u64) -> anyhow::Result<(Socket, Vec<f64>)> {
    let (began, mouth) = (Instant::now(), socket.mouth());
    let (mut tick, mut passed) = (tokio::time::interval(OWN_WRITES), Vec::new());
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for mark in first + 1.. {
        if began.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
        tick.tick().await;
        let asked = Instant::now();
        mouth.say(&says.commit(mark, mark))?;
        let seen = async {
            while marks::shown(&socket.wait_for(r#"{"type":"Transition""#).await?) != Some(mark) {}
            anyhow::Ok(())
        };
        tokio::time::timeout(LIMIT, seen).await.context("an own write was not seen")??;
        passed.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok((socket, passed))
}
