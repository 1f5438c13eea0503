//! `doctor`: reports what is configured, what is not, and what to correct.

use std::time::Duration;

use engine::{NodeRow, Unhandled, World};
use kernel::{Error, Result, Time};
use provider::{Registry, VendorEntry, WebhookState, settings::Loaded};
use serde::Serialize;
use store::{Access, Db, Engine, FileLock, Options};

use crate::{boot, environment::Environment, installation::engine_name, output};

/// The result of one check.
#[derive(Serialize)]
struct Finding {
    check: String,
    status: Status,
    detail: String,
}

/// The status of a check.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Off,
    /// It works now, and will stop working.
    Warning,
    Problem,
}

/// Nodes that are connected at the same time while a new one takes over from an old one.
const ROLLING: i64 = 2;

/// Runs all checks, prints their results, and fails when something must be corrected.
pub(crate) async fn run(environment: &Environment, json: bool) -> Result<()> {
    let now = World::system().now();
    let mut findings = vec![database(environment).await];
    findings.extend(connections(environment).await);
    findings.extend(nodes(environment).await);
    findings.push(finding("public address", environment.settings.public_url().map(|url| url.to_string())));
    findings.push(tokens(environment));
    for vendor in vendors::all() {
        if !(vendor.webhook_fields)().is_empty() {
            findings.push(webhooks(&vendor, environment));
        }
        findings.push(client(&vendor, environment, now));
    }
    output::rows(json, &["check", "status", "detail"], &findings)?;
    match findings.iter().filter(|finding| finding.status == Status::Problem).count() {
        0 => Ok(()),
        problems => Err(Error::config("doctor", format!("{problems} to correct: see above"))),
    }
}

/// Whether the database answers and has what this version needs. Nothing is made and nothing is changed.
async fn database(environment: &Environment) -> Finding {
    let check = "database".to_owned();
    let look = async {
        let db = Db::open(&Options { access: Access::Read, ..boot::options(environment) }).await?;
        db.ping(Duration::from_secs(5)).await?;
        let missing = store::check(&db, environment.product.all_tables()).await;
        db.close().await;
        missing.map(|missing| (engine_name(db.engine()), missing.len()))
    };
    match look.await {
        Ok((engine, 0)) => finding(&check, Ok(format!("{engine}, up to date"))),
        Ok((engine, steps)) => {
            let detail =
                format!("{engine}, {steps} steps behind: `trunkline serve` and `trunkline migrate` apply them");
            Finding { check, status: Status::Warning, detail }
        }
        Err(error) if error.tag == "no_database" => {
            Finding { check, status: Status::Off, detail: error.message.into_owned() }
        }
        Err(error) => finding(&check, Err(error)),
    }
}

/// Whether PostgreSQL has connections enough. None where it cannot be told: then the finding above says why.
async fn connections(environment: &Environment) -> Option<Finding> {
    let db = Db::open(&Options { access: Access::Read, ..boot::options(environment) }).await.ok()?;
    let capacity = db.capacity().await;
    db.close().await;
    let capacity = capacity.ok()??;
    let nodes = capacity.nodes();
    let detail = format!(
        "each node takes up to {}; the server has {}, of which others have {}: room for {nodes} {}",
        capacity.each_node,
        capacity.available,
        capacity.taken_by_others,
        if nodes == 1 { "node" } else { "nodes" },
    );
    let check = "connections".to_owned();
    if nodes >= ROLLING {
        return Some(Finding { check, status: Status::Ok, detail });
    }
    let advice = "a release needs room for two: lower TRUNKLINE_DATABASE_CONNECTIONS, raise max_connections, or put PgBouncer between";
    Some(Finding { check, status: Status::Warning, detail: format!("{detail}; {advice}") })
}

/// Who works, and what waits for a node that can run it. Empty where it cannot be told: then a finding above says why.
async fn nodes(environment: &Environment) -> Vec<Finding> {
    let options = Options { access: Access::Read, ..boot::options(environment) };
    let Ok(db) = Db::open(&options).await else { return Vec::new() };
    let (living, unhandled) = (engine::nodes(&db).await, engine::unhandled(&db).await);
    db.close().await;
    let living = living.ok().map(|living| match db.engine() {
        // A process that was killed could not sign off; what serves the file holds a lock.
        Engine::Sqlite if FileLock::take(&options).is_ok() => Vec::new(),
        Engine::Sqlite | Engine::Postgres => living,
    });
    living.as_deref().map(working).into_iter().chain(unhandled.ok().as_deref().and_then(waiting)).collect()
}

fn working(living: &[NodeRow]) -> Finding {
    let check = "nodes".to_owned();
    if living.is_empty() {
        let detail = "none works at the moment: start one with `trunkline serve`".to_owned();
        return Finding { check, status: Status::Off, detail };
    }
    let names =
        living.iter().map(|node| format!("#{} {} ({}), since {}", node.node, node.name, node.release, node.started_at));
    let detail = format!("{} at work: {}", living.len(), names.collect::<Vec<_>>().join("; "));
    Finding { check, status: Status::Ok, detail }
}

fn waiting(unhandled: &[Unhandled]) -> Option<Finding> {
    let all = unhandled.iter().map(|waiting| format!("{} of {}", waiting.count, waiting.what));
    let all = all.collect::<Vec<_>>().join(", ");
    let detail =
        format!("no node at work has a handler for {all}: they wait; start the release that has, or a later one");
    (!unhandled.is_empty()).then(|| Finding { check: "handlers".to_owned(), status: Status::Warning, detail })
}

fn webhooks(vendor: &VendorEntry, environment: &Environment) -> Finding {
    let check = format!("{} webhooks", vendor.id);
    match Registry::load([*vendor], &environment.variables) {
        Err(error) => finding(&check, Err(error)),
        Ok(registry) => match registry.get(vendor.id) {
            Some((_, WebhookState::Off(why))) => Finding { check, status: Status::Off, detail: why.clone() },
            Some((_, WebhookState::On(_))) | None => {
                finding(&check, Ok(format!("received at /webhooks/{}", vendor.id)))
            }
        },
    }
}

fn tokens(environment: &Environment) -> Finding {
    let check = "tokens".to_owned();
    let look = || {
        let brought: Result<Vec<_>> =
            vendors::all().iter().map(|vendor| vendor.issuers(&environment.variables)).collect();
        environment.settings.issuers(&brought?.concat(), &World::system())
    };
    match look() {
        Ok(issuers) if issuers.is_empty() => {
            Finding { check, status: Status::Off, detail: "no issuer is configured: see AUTH_JWT_ISSUERS".to_owned() }
        }
        issuers => finding(&check, issuers.map(|issuers| format!("accepted from {}", issuers.names().join(", ")))),
    }
}

fn client(vendor: &VendorEntry, environment: &Environment, now: Time) -> Finding {
    let check = format!("{} settings", vendor.id);
    match (vendor.check)(&environment.variables, now) {
        Err(error) => finding(&check, Err(error)),
        Ok(Loaded::On(Some(advice))) => Finding { check, status: Status::Warning, detail: advice },
        Ok(Loaded::On(None)) => {
            finding(&check, Ok("complete; calls to this vendor come with a later version".to_owned()))
        }
        Ok(Loaded::Off) => Finding { check, status: Status::Off, detail: "none of its variables is set".to_owned() },
    }
}

fn finding(check: &str, result: Result<String>) -> Finding {
    let (status, detail) = match result {
        Ok(detail) => (Status::Ok, detail),
        Err(error) => (Status::Problem, error.message.into_owned()),
    };
    Finding { check: check.to_owned(), status, detail }
}
