//! The statements on subscriptions, snapshots and products.

use ::store::{FromRow, Reader, Row, Tx};
use kernel::{Error, Limits, Result, Time};
use provider::payments::{self, Period, Status, Step};

use super::{
    Plan, Product, Subscription, SubscriptionId,
    model::{ComparableLimits, CurrentState, ProductVersion, Snapshot, Version},
};

/// The stored version of a subscription.
pub(super) struct StoredVersion {
    pub external_id: String,
    pub version: Version,
}

pub(super) async fn find(tx: &mut Tx, provider: &str, external_id: &str) -> Result<Option<StoredVersion>> {
    tx.query(
        "select external_id, ended, watermark_ms, step, reported_status, vendor_status, customer_id, product_id, price_id,
             plan_name, period_start_ms, period_end_ms, trial_end_ms, cancel_at_period_end, ends_ms, max_customers,
             max_staff, max_clients
         from subscriptions where org_id = $1 and provider = $2 and external_id = $3",
    )
    .bind(provider)
    .bind(external_id)
    .optional()
    .await
}

pub(super) async fn of_customer(tx: &mut Tx, provider: &str, customer: &str) -> Result<Vec<StoredVersion>> {
    tx.query(
        "select external_id, ended, watermark_ms, step, reported_status, vendor_status, customer_id, product_id, price_id,
             plan_name, period_start_ms, period_end_ms, trial_end_ms, cancel_at_period_end, ends_ms, max_customers,
             max_staff, max_clients
         from subscriptions where org_id = $1 and provider = $2 and customer_id = $3",
    )
    .bind(provider)
    .bind(customer)
    .all()
    .await
}

pub(super) async fn upsert(
    tx: &mut Tx,
    id: &SubscriptionId,
    provider: &str,
    kept: &StoredVersion,
    standing: CurrentState,
    now: Time,
) -> Result<()> {
    let StoredVersion { external_id, version } = kept;
    tx.query(
        "insert into subscriptions (org_id, id, provider, external_id, created_ms, ended, watermark_ms, step,
             reported_status, vendor_status, customer_id, product_id, price_id, plan_name, period_start_ms,
             period_end_ms, trial_end_ms, cancel_at_period_end, ends_ms, max_customers, max_staff, max_clients, status,
             ended_by_snapshot_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24)
         on conflict (org_id, provider, external_id) do update set ended = excluded.ended,
             watermark_ms = excluded.watermark_ms, step = excluded.step, reported_status = excluded.reported_status,
             vendor_status = excluded.vendor_status, customer_id = excluded.customer_id,
             product_id = excluded.product_id, price_id = excluded.price_id, plan_name = excluded.plan_name,
             period_start_ms = excluded.period_start_ms, period_end_ms = excluded.period_end_ms,
             trial_end_ms = excluded.trial_end_ms, cancel_at_period_end = excluded.cancel_at_period_end,
             ends_ms = excluded.ends_ms, max_customers = excluded.max_customers, max_staff = excluded.max_staff,
             max_clients = excluded.max_clients, status = excluded.status,
             ended_by_snapshot_ms = excluded.ended_by_snapshot_ms",
    )
    .bind(id)
    .bind(provider)
    .bind(external_id)
    .bind(now)
    .bind(version.ended)
    .bind(version.at)
    .bind(step_number(version.step))
    .bind(version.status.as_str())
    .bind(&version.vendor_status)
    .bind(version.customer.as_deref())
    .bind(version.plan.product.as_deref())
    .bind(version.plan.price.as_deref())
    .bind(version.plan.name.as_deref())
    .bind(version.period.start)
    .bind(version.period.end)
    .bind(version.trial_end)
    .bind(version.cancel_at_period_end)
    .bind(version.ends_at)
    .bind(version.limits.0)
    .bind(version.limits.1)
    .bind(version.limits.2)
    .bind(standing.status.as_str())
    .bind(standing.ended_by_snapshot)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn set_standing(tx: &mut Tx, provider: &str, external_id: &str, standing: CurrentState) -> Result<()> {
    tx.query(
        "update subscriptions set status = $4, ended_by_snapshot_ms = $5
         where org_id = $1 and provider = $2 and external_id = $3",
    )
    .bind(provider)
    .bind(external_id)
    .bind(standing.status.as_str())
    .bind(standing.ended_by_snapshot)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn newest(tx: &mut Reader, limit: i64) -> Result<Vec<Subscription>> {
    tx.query(
        "select s.id, s.created_ms, s.provider, s.external_id, s.customer_id, s.status, s.vendor_status, s.product_id,
             s.price_id, s.plan_name, s.period_start_ms, s.period_end_ms, s.trial_end_ms, s.cancel_at_period_end,
             s.ends_ms, s.ended_by_snapshot_ms, s.max_customers, s.max_staff, s.max_clients, p.name as product_name,
             p.max_customers as product_customers, p.max_staff as product_staff, p.max_clients as product_clients
         from subscriptions s
         left join billing_products p on p.provider = s.provider and p.product_id = s.product_id
         where s.org_id = $1 order by s.created_ms desc, s.id desc limit $2",
    )
    .bind(limit)
    .all()
    .await
}

pub(super) async fn snapshot(tx: &mut Tx, provider: &str, customer: &str) -> Result<Option<Snapshot>> {
    tx.query("select taken_ms, running from billing_snapshots where org_id = $1 and provider = $2 and customer_id = $3")
        .bind(provider)
        .bind(customer)
        .optional()
        .await
}

pub(super) async fn set_snapshot(tx: &mut Tx, provider: &str, customer: &str, snapshot: &Snapshot) -> Result<()> {
    tx.query(
        "insert into billing_snapshots (org_id, provider, customer_id, taken_ms, running) values ($1, $2, $3, $4, $5)
         on conflict (org_id, provider, customer_id) do update set taken_ms = excluded.taken_ms,
             running = excluded.running",
    )
    .bind(provider)
    .bind(customer)
    .bind(snapshot.at)
    .bind(serde_json::json!(snapshot.running).to_string())
    .execute()
    .await
    .map(drop)
}

pub(super) async fn product(tx: &mut Tx, provider: &str, id: &str) -> Result<Option<ProductVersion>> {
    tx.system(
        "select watermark_ms, name, max_customers, max_staff, max_clients from billing_products
         where provider = $1 and product_id = $2",
    )
    .bind(provider)
    .bind(id)
    .optional()
    .await
}

pub(super) async fn upsert_product(tx: &mut Tx, provider: &str, id: &str, sold: &ProductVersion) -> Result<()> {
    tx.system(
        "insert into billing_products (provider, product_id, name, max_customers, max_staff, max_clients, watermark_ms)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (provider, product_id) do update set name = excluded.name,
             max_customers = excluded.max_customers, max_staff = excluded.max_staff,
             max_clients = excluded.max_clients, watermark_ms = excluded.watermark_ms",
    )
    .bind(provider)
    .bind(id)
    .bind(sold.name.as_deref())
    .bind(sold.limits.0)
    .bind(sold.limits.1)
    .bind(sold.limits.2)
    .bind(sold.at)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn products(tx: &mut Reader) -> Result<Vec<Product>> {
    tx.system(
        "select provider, product_id, name, max_customers, max_staff, max_clients from billing_products
         order by provider, product_id",
    )
    .all()
    .await
}

pub(super) async fn plans(db: &mut Reader) -> Result<Vec<Plan>> {
    db.system("select id, name, max_customers, max_staff, max_clients from plans order by id").all().await
}

/// Replaces all plans by these.
pub(super) async fn set_plans(tx: &mut Tx, plans: &[Plan]) -> Result<()> {
    tx.system("delete from plans where id is not null").execute().await?;
    for plan in plans {
        tx.system("insert into plans (id, name, max_customers, max_staff, max_clients) values ($1, $2, $3, $4, $5)")
            .bind(&plan.id)
            .bind(&plan.name)
            .bind(plan.limits.max_customers)
            .bind(plan.limits.max_staff)
            .bind(plan.limits.max_clients)
            .execute()
            .await?;
    }
    Ok(())
}

const STEPS: [Step; 3] = [Step::Created, Step::Updated, Step::Ended];

fn step_number(step: Step) -> i64 {
    match step {
        Step::Created => 0,
        Step::Updated => 1,
        Step::Ended => 2,
    }
}

fn step(row: &Row) -> Result<Step> {
    let number = row.int("step")?;
    let known = STEPS.into_iter().find(|step| step_number(*step) == number);
    known.ok_or_else(|| Error::internal("billing_step", format!("there is no step {number}")))
}

fn status(text: &str) -> Result<Status> {
    let known = Status::ALL.into_iter().find(|status| status.as_str() == text);
    known.ok_or_else(|| Error::internal("billing_status", format!("there is no status called {text}")))
}

impl FromRow for StoredVersion {
    fn from_row(row: &Row) -> Result<Self> {
        let version = Version {
            ended: row.bool("ended")?,
            at: row.time("watermark_ms")?,
            step: step(row)?,
            status: status(&row.text("reported_status")?)?,
            vendor_status: row.text("vendor_status")?,
            customer: row.opt_text("customer_id")?,
            plan: payments::Plan {
                product: row.opt_text("product_id")?,
                price: row.opt_text("price_id")?,
                name: row.opt_text("plan_name")?,
            },
            period: Period { start: row.opt_time("period_start_ms")?, end: row.opt_time("period_end_ms")? },
            trial_end: row.opt_time("trial_end_ms")?,
            cancel_at_period_end: row.bool("cancel_at_period_end")?,
            ends_at: row.opt_time("ends_ms")?,
            limits: ComparableLimits::from_row(row)?,
        };
        Ok(Self { external_id: row.text("external_id")?, version })
    }
}

impl FromRow for ComparableLimits {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self(row.opt_int("max_customers")?, row.opt_int("max_staff")?, row.opt_int("max_clients")?))
    }
}

impl FromRow for Snapshot {
    fn from_row(row: &Row) -> Result<Self> {
        let running = serde_json::from_str(&row.text("running")?)
            .map_err(|error| Error::internal("billing_snapshot", "a stored snapshot is no list").source(error))?;
        Ok(Self { at: row.time("taken_ms")?, running })
    }
}

impl FromRow for ProductVersion {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            at: row.time("watermark_ms")?,
            name: row.opt_text("name")?,
            limits: ComparableLimits::from_row(row)?,
        })
    }
}

impl FromRow for Product {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            provider: row.text("provider")?,
            product_id: row.text("product_id")?,
            name: row.opt_text("name")?,
            limits: ComparableLimits::from_row(row)?.into(),
        })
    }
}

impl FromRow for Plan {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.text("id")?, name: row.text("name")?, limits: ComparableLimits::from_row(row)?.into() })
    }
}

impl FromRow for Subscription {
    fn from_row(row: &Row) -> Result<Self> {
        let own: Limits = ComparableLimits::from_row(row)?.into();
        let products = Limits {
            max_customers: row.opt_int("product_customers")?,
            max_staff: row.opt_int("product_staff")?,
            max_clients: row.opt_int("product_clients")?,
        };
        let price_id = row.opt_text("price_id")?;
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            provider: row.text("provider")?,
            external_id: row.text("external_id")?,
            customer_id: row.opt_text("customer_id")?,
            status: status(&row.text("status")?)?,
            vendor_status: row.text("vendor_status")?,
            plan_id: row.opt_text("product_id")?.or_else(|| price_id.clone()),
            plan_name: row.opt_text("product_name")?.or(row.opt_text("plan_name")?),
            price_id,
            current_period_start: row.opt_time("period_start_ms")?,
            current_period_end: row.opt_time("period_end_ms")?,
            trial_ends_at: row.opt_time("trial_end_ms")?,
            cancel_at_period_end: row.bool("cancel_at_period_end")?,
            ends_at: row.opt_time("ended_by_snapshot_ms")?.or(row.opt_time("ends_ms")?),
            limits: own.or(products),
        })
    }
}
