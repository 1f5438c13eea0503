//! From scheduled to ready: what is due gets its rank, by its tenant's share, as new entries do.
//!
//! Everything that enters the queue at another moment than its creation comes through here: delayed jobs, next attempts,
//! what is put back by hand, events that waited for a route, what no node could run for a while. So twenty thousand
//! entries of one tenant that are due together stand behind one another, and not before everybody else.

use kernel::{Result, Time};
use store::{Engine, FromRow, Row, Tx, Value};

use super::{
    Known, Seq,
    known::{is_known, known_rows},
    sql::{micros, try_lock, walk},
};
use crate::World;

/// The number of the lock under which one node promotes.
const PROMOTION: i64 = 7_308_629;
/// Entries that are promoted in one transaction.
const BATCH: i64 = 1000;
/// Entries of each tenant that are promoted besides, when there are more than a batch.
const OF_EACH_TENANT: i64 = 4;

/// An entry that is due.
struct Due {
    seq: Seq,
    tenant: String,
    head_start: i64,
}

/// Promotes what is due. Returns whether there may be more of it.
pub(crate) async fn promote(tx: &mut Tx, world: &World) -> Result<bool> {
    if !try_lock(tx, PROMOTION).await? {
        return Ok(false);
    }
    let now = world.now();
    let mut due = first_due(tx, now).await?;
    let full = i64::try_from(due.len()).unwrap_or(i64::MAX) == BATCH;
    if full {
        due.extend(first_due_of_each_tenant(tx, now).await?);
        due.sort_by_key(|entry| entry.seq);
        due.dedup_by_key(|entry| entry.seq);
    }
    if !due.is_empty() {
        let ranks = due.iter().map(|entry| world.rank(&entry.tenant).saturating_sub(entry.head_start)).collect();
        let seqs = due.iter().map(|entry| entry.seq).collect();
        give_ranks(tx, seqs, ranks).await?;
    }
    Ok(full)
}

async fn first_due(tx: &mut Tx, now: Time) -> Result<Vec<Due>> {
    tx.system_built(format!(
        "select seq, tenant, head_start from jobs where state = 'scheduled' and rank is not null and rank <= $1
         order by rank, seq limit {BATCH}"
    ))
    .bind(micros(now))
    .all()
    .await
}

/// The first few of each tenant that has any: one look into the index for each. SQLite has to be told which index: it would
/// read all that is scheduled for each tenant. And it has no lateral joins.
async fn first_due_of_each_tenant(tx: &mut Tx, now: Time) -> Result<Vec<Due>> {
    let (scheduled, first_of) = match tx.engine() {
        Engine::Sqlite => (
            "jobs indexed by jobs_scheduled",
            "select d.seq, d.tenant, d.head_start from tenants t join jobs d on d.seq in (
                 select seq from jobs indexed by jobs_scheduled
                 where state = 'scheduled' and rank is not null and tenant = t.tenant and rank <= $1
                 order by rank, seq limit $2)",
        ),
        Engine::Postgres => (
            "jobs",
            "select d.seq, d.tenant, d.head_start from tenants t cross join lateral (
                 select seq, tenant, head_start from jobs
                 where state = 'scheduled' and rank is not null and tenant = t.tenant and rank <= $1
                 order by rank, seq limit $2) d",
        ),
    };
    tx.system_built(format!(
        "with recursive tenants (tenant) as (
             select (select tenant from {scheduled} where state = 'scheduled' and rank is not null order by tenant limit 1)
             union all
             select (select tenant from {scheduled}
                     where state = 'scheduled' and rank is not null and tenant > t.tenant order by tenant limit 1)
             from tenants t where t.tenant is not null)
         {first_of}"
    ))
    .bind(micros(now))
    .bind(OF_EACH_TENANT)
    .all()
    .await
}

/// Makes these entries ready, or lets them wait at their limit. The first of a lane stands before those that waited for
/// it, where its own rank would be later.
async fn give_ranks(tx: &mut Tx, seqs: Vec<Seq>, ranks: Vec<i64>) -> Result<()> {
    let (least, due, seqs, ranks): (_, _, Value, Value) = match tx.engine() {
        Engine::Sqlite => (
            "min",
            "(select s.value as seq, r.value as rank from json_each($1) s join json_each($2) r on r.key = s.key)",
            serde_json::json!(seqs).to_string().into(),
            serde_json::json!(ranks).to_string().into(),
        ),
        Engine::Postgres => ("least", "unnest($1::bigint[], $2::bigint[])", seqs.into(), ranks.into()),
    };
    let alias = match tx.engine() {
        Engine::Sqlite => "due",
        Engine::Postgres => "due (seq, rank)",
    };
    tx.system_built(format!(
        "update jobs set state = case when throttle is null then 'ready' else 'throttled' end,
             rank = case
                 when lane is null or exists (
                     select 1 from jobs o where o.lane = jobs.lane and o.rank is not null and o.seq < jobs.seq)
                 then due.rank
                 else {least}(due.rank, coalesce((
                     select o.rank from jobs o where o.lane = jobs.lane and o.rank is not null and o.seq > jobs.seq
                         and o.state = 'ready' order by o.seq limit 1), due.rank)) end
         from {due} as {alias} where jobs.seq = due.seq and jobs.state = 'scheduled'"
    ))
    .bind(seqs)
    .bind(ranks)
    .execute()
    .await
    .map(drop)
}

/// Entries that are set aside, or taken back, in one statement.
const ASIDE: i64 = 5000;

/// Sets aside what no living node can run, among the first entries of the queue: it would be in the way of every claim.
/// Returns how many went.
pub(crate) async fn set_aside(tx: &mut Tx, living: &Known) -> Result<u64> {
    walk(tx).await?;
    let is_known = is_known(tx, 1);
    tx.system_built(format!(
        "update jobs set state = 'unhandled' where state = 'ready' and seq in (
             select seq from (
                 select seq, kind, provider, version from jobs where state = 'ready' and rank is not null
                 order by rank, seq limit {ASIDE}) as first
             where not ({is_known}))"
    ))
    .bind(living.to_parameter())
    .execute()
    .await
}

/// Puts back into the queue what was set aside and can be run by this node. Returns how many came back.
pub(crate) async fn take_back(tx: &mut Tx, known: &Known, now: Time) -> Result<u64> {
    let rows = known_rows(tx, 1);
    tx.system_built(format!(
        "update jobs set state = 'scheduled', rank = $2 where state = 'unhandled' and seq in (
             select j.seq from {rows} as k
             join jobs j on j.kind = k.kind and j.provider = k.provider and j.version = k.version
             where j.state = 'unhandled' order by j.seq limit $3)"
    ))
    .bind(known.to_parameter())
    .bind(micros(now))
    .bind(ASIDE)
    .execute()
    .await
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { seq: row.int("seq")?, tenant: row.text("tenant")?, head_start: row.int("head_start")? })
    }
}
