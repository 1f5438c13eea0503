//! Limits that jobs share over all nodes: so many at a time, so many in a while, and a vendor's "come back later".
//!
//! A job that names a limit waits at it, as `throttled`, until it is admitted: it becomes ready when there is a place for
//! it, and takes up that place until it ends, is tried again later, or its process dies. Places are counted from the
//! entries themselves, so that none is lost with a node. What names no limit never comes here.

use std::{collections::HashMap, time::Duration};

use kernel::{Result, Time};
use serde::{Deserialize, Serialize};
use store::{Engine, FromRow, Row, Tx, Value};

use super::{
    Seq,
    sql::{micros, try_lock},
};

/// A limit that jobs share over all nodes, by its name: what a vendor allows for one phone number, or one connection.
///
/// ```
/// # use std::time::Duration;
/// # use engine::Throttle;
/// // At most eighty messages a second leave through this number, four of them at a time.
/// let limit = Throttle::new("whatsapp:phone:1234").at_once(4).rate(80, Duration::from_secs(1));
/// ```
///
/// Every job brings the numbers along; what the first one says that waits at the limit holds for all of them. A job that
/// fails with an error that names a wait ([`kernel::Error::retry_after`]) closes its limit for that long, and only its
/// own; where that error is [`kernel::Code::RateLimited`], it does not count as an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    pub(super) name: String,
    pub(super) at_once: Option<u32>,
    pub(super) every: Option<Duration>,
}

impl Throttle {
    /// A limit of this name, which limits nothing yet but can be closed for a while.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), at_once: None, every: None }
    }

    /// At most `count` of its jobs at a time.
    #[must_use]
    pub fn at_once(mut self, count: u32) -> Self {
        self.at_once = Some(count.max(1));
        self
    }

    /// At most `count` of its jobs in each `period`, spread evenly: a few may begin together, never more than what
    /// is due in a tenth of a second.
    #[must_use]
    pub fn rate(mut self, count: u32, period: Duration) -> Self {
        self.every = Some(period / count.max(1));
        self
    }
}

/// The number of the lock under which one node admits.
const ADMISSION: i64 = 7_308_630;
/// What is due in this time may begin together.
const BURST_MICROS: i64 = 100_000;
/// Entries of one limit that are admitted together at most.
const MOST: i64 = 1000;

/// What an admission did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    /// How many entries are ready now.
    pub admitted: usize,
    /// When the next limit opens that is closed now.
    pub opens_in: Option<Duration>,
}

/// A limit at which something waits.
struct Limit {
    name: String,
    /// In microseconds; 0 where it was never closed.
    opens_at: i64,
    at_once: Option<i64>,
    every: Option<i64>,
    /// Entries that were admitted and have not ended.
    taken: i64,
    /// Those among them that no node has claimed yet.
    unclaimed: i64,
}

/// Admits what there is a place for. One node does so at a time; another one that comes meanwhile does nothing.
pub(crate) async fn admit(tx: &mut Tx, now: Time) -> Result<Admission> {
    if !try_lock(tx, ADMISSION).await? {
        return Ok(Admission::default());
    }
    let now = micros(now);
    let limits = waiting(tx).await?;
    let opens_at = limits.iter().filter_map(|limit| limit.closed_until(now)).min();
    let opens_in = opens_at.map(|at| Duration::from_micros(at.abs_diff(now)));
    let places: Vec<_> =
        limits.iter().map(|limit| (limit, limit.places(now))).filter(|(_, places)| *places > 0).collect();
    if places.is_empty() {
        return Ok(Admission { admitted: 0, opens_in });
    }
    let candidates = candidates(tx, &places).await?;
    let admitted = within_kinds(tx, candidates).await?;
    make_ready(tx, admitted.iter().map(|entry| entry.seq).collect()).await?;
    for (limit, _) in places {
        let count = admitted.iter().filter(|entry| entry.throttle == limit.name).count();
        if let Some(next) = limit.next_after(i64::try_from(count).unwrap_or(0), now) {
            note_opening(tx, &limit.name, next).await?;
        }
    }
    Ok(Admission { admitted: admitted.len(), opens_in })
}

impl Limit {
    fn closed_until(&self, now: i64) -> Option<i64> {
        (self.opens_at > now).then_some(self.opens_at)
    }

    /// How many may be admitted now.
    fn places(&self, now: i64) -> i64 {
        if self.closed_until(now).is_some() {
            return 0;
        }
        let at_once = self.at_once.map_or(MOST, |most| most.saturating_sub(self.taken));
        let paced = self.every.map_or(MOST, |every| {
            let due = 1 + (now - self.opens_at) / every.max(1);
            // What was admitted and is not claimed yet would begin together with these.
            due.min(burst(every)).min(burst(every) - self.unclaimed)
        });
        at_once.min(paced).clamp(0, MOST)
    }

    /// When the next one may begin after `count` were admitted; none where nothing changes.
    fn next_after(&self, count: i64, now: i64) -> Option<i64> {
        let every = self.every.filter(|_| count > 0)?;
        let earliest = now.saturating_sub((burst(every) - 1).saturating_mul(every));
        Some(self.opens_at.max(earliest).saturating_add(count.saturating_mul(every)))
    }
}

fn burst(every: i64) -> i64 {
    (BURST_MICROS / every.max(1)).max(1)
}

/// The limits at which something waits, with the numbers of the first that does: a look into the index for each.
async fn waiting(tx: &mut Tx) -> Result<Vec<Limit>> {
    tx.system(
        "with recursive names (name) as (
             select min(throttle) from jobs where state = 'throttled'
             union all
             select (select min(throttle) from jobs where state = 'throttled' and throttle > n.name)
             from names n where n.name is not null)
         select n.name, coalesce(t.opens_at, 0) as opens_at, w.throttle_at_once, w.throttle_every,
             (select count(*) from jobs a where a.throttle = n.name and a.throttle is not null
                  and a.state in ('ready', 'suspect', 'running', 'cancelling')) as taken,
             (select count(*) from jobs a where a.throttle = n.name and a.throttle is not null and a.state = 'ready'
                  and a.state in ('ready', 'suspect', 'running', 'cancelling')) as unclaimed
         from names n
         join jobs w on w.seq = (
             select f.seq from jobs f where f.state = 'throttled' and f.throttle = n.name order by f.rank, f.seq limit 1)
         left join throttles t on t.name = n.name",
    )
    .all()
    .await
}

/// An entry that could be admitted.
struct Candidate {
    seq: Seq,
    throttle: String,
    kind: String,
    kind_at_once: Option<i64>,
}

/// The first of each limit, as many as it has places.
async fn candidates(tx: &mut Tx, places: &[(&Limit, i64)]) -> Result<Vec<Candidate>> {
    if tx.engine() == Engine::Postgres {
        let names: Vec<_> = places.iter().map(|(limit, _)| limit.name.clone()).collect();
        let counts: Vec<_> = places.iter().map(|(_, count)| *count).collect();
        let query = tx.system(
            "select c.seq, c.throttle, c.kind, c.kind_at_once
             from unnest($1::text[], $2::bigint[]) as p (name, places)
             cross join lateral (
                 select seq, throttle, kind, kind_at_once from jobs where state = 'throttled' and throttle = p.name
                 order by rank, seq limit p.places) c",
        );
        return query.bind(names).bind(counts).all().await;
    }
    let mut found = Vec::new();
    for (limit, count) in places {
        let query = tx.system(
            "select seq, throttle, kind, kind_at_once from jobs where state = 'throttled' and throttle = $1
             order by rank, seq limit $2",
        );
        found.extend(query.bind(&limit.name).bind(*count).all().await?);
    }
    Ok(found)
}

/// Those of them for which their kinds have places too.
async fn within_kinds(tx: &mut Tx, candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
    if candidates.iter().all(|entry| entry.kind_at_once.is_none()) {
        return Ok(candidates);
    }
    let rows = tx
        .system(
            "select kind, count(*) as taken from jobs where throttle is not null and kind_at_once is not null
                 and state in ('ready', 'suspect', 'running', 'cancelling') group by kind",
        )
        .rows()
        .await?;
    let taken = rows.iter().map(|row| Ok((row.text("kind")?, row.int("taken")?)));
    let mut taken = taken.collect::<Result<HashMap<_, _>>>()?;
    let has_place = |entry: &Candidate| {
        let Some(most) = entry.kind_at_once else { return true };
        let taken = taken.entry(entry.kind.clone()).or_default();
        let has_place = *taken < most;
        *taken += i64::from(has_place);
        has_place
    };
    let mut candidates = candidates;
    candidates.sort_unstable_by_key(|entry| entry.seq);
    Ok(candidates.into_iter().filter(has_place).collect())
}

async fn make_ready(tx: &mut Tx, seqs: Vec<Seq>) -> Result<()> {
    let (is_one, seqs): (_, Value) = match tx.engine() {
        Engine::Sqlite => ("seq in (select value from json_each($1))", serde_json::json!(seqs).to_string().into()),
        Engine::Postgres => ("seq = any($1)", seqs.into()),
    };
    let update = format!("update jobs set state = 'ready' where {is_one} and state = 'throttled'");
    tx.system_built(update).bind(seqs).execute().await.map(drop)
}

async fn note_opening(tx: &mut Tx, name: &str, opens_at: i64) -> Result<()> {
    tx.system(
        "insert into throttles (name, opens_at) values ($1, $2)
         on conflict (name) do update set opens_at = excluded.opens_at where throttles.opens_at < excluded.opens_at",
    )
    .bind(name)
    .bind(opens_at)
    .execute()
    .await
    .map(drop)
}

/// Closes a limit until this moment, as a vendor asked for. It never opens earlier than it would have.
pub(crate) async fn close(tx: &mut Tx, name: &str, until: Time) -> Result<()> {
    note_opening(tx, name, micros(until)).await
}

impl FromRow for Limit {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            name: row.text("name")?,
            opens_at: row.int("opens_at")?,
            at_once: row.opt_int("throttle_at_once")?,
            every: row.opt_int("throttle_every")?,
            taken: row.int("taken")?,
            unclaimed: row.int("unclaimed")?,
        })
    }
}

impl FromRow for Candidate {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.int("seq")?,
            throttle: row.text("throttle")?,
            kind: row.text("kind")?,
            kind_at_once: row.opt_int("kind_at_once")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000;

    fn limit(opens_at: i64, at_once: Option<i64>, every: Option<i64>) -> Limit {
        Limit { name: "a".to_owned(), opens_at, at_once, every, taken: 0, unclaimed: 0 }
    }

    #[test]
    fn a_pace_holds_over_any_time_however_often_it_is_looked_at() {
        for step in [1_000, 12_500, 100_000, 700_000] {
            let (mut limit, mut admitted) = (limit(0, None, Some(12_500)), 0);
            for now in (NOW..NOW + 10_000_000).step_by(step) {
                let places = limit.places(now);
                limit.opens_at = limit.next_after(places, now).unwrap_or(limit.opens_at);
                admitted += places;
            }
            // Eighty a second, and at first what may begin together.
            assert!(admitted <= 800 + 8, "{admitted} at {step}");
            assert!(admitted >= 100, "{admitted} at {step}");
        }
    }

    #[test]
    fn what_was_admitted_and_not_claimed_is_not_added_to() {
        let limit = Limit { unclaimed: 8, taken: 8, ..limit(0, None, Some(12_500)) };
        assert_eq!(limit.places(NOW), 0);
    }

    #[test]
    fn a_closed_limit_has_no_places_and_a_full_one_neither() {
        assert_eq!(limit(NOW + 1, Some(5), None).places(NOW), 0);
        assert_eq!(Limit { taken: 5, ..limit(0, Some(5), None) }.places(NOW), 0);
        assert_eq!(Limit { taken: 7, ..limit(0, Some(5), None) }.places(NOW), 0);
        assert_eq!(limit(NOW, Some(5), None).places(NOW), 5);
    }
}
