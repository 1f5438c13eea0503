//! The installation's own settings. Vendors declare theirs in their own files.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use engine::{LiveOptions, SystemClock, SystemRandom, World, identity::Issuers};
use kernel::{Error, Result, Secret};
use provider::{
    auth::{self, Issuer},
    http::{Options, Transport},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use server::{Rate, Rates};
use url::Url;

/// Trunkline itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// The database: `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE` for several nodes. Without it, a SQLite
    /// file in the data folder.
    pub(crate) database_url: Option<Secret>,
    /// Where PostgreSQL itself is, when DATABASE_URL leads through a pooler in transaction mode, such as PgBouncer. Migrations,
    /// notifications, heartbeats and backups go there; without a pooler, leave it out.
    pub(crate) database_direct_url: Option<Secret>,
    /// Connections to PostgreSQL that each node opens for its work, besides three of its own that listen and tell that it lives.
    /// `trunkline doctor` tells how many nodes the server has room for.
    #[serde(default = "database_connections")]
    pub(crate) trunkline_database_connections: u32,
    /// Handlers of jobs and events that run at the same time on each node. Without it, 64 on SQLite and three quarters of
    /// TRUNKLINE_DATABASE_CONNECTIONS on PostgreSQL.
    pub(crate) trunkline_workers: Option<u32>,
    /// The folder of the SQLite database and of files.
    #[serde(default = "data")]
    pub(crate) trunkline_data: String,
    /// The address to listen on.
    #[serde(default = "listen")]
    pub(crate) trunkline_listen: String,
    /// The public address of this installation. Some vendors sign the address that they call, so that it must be
    /// correct behind a proxy. Also read as NEXT_PUBLIC_APP_URL.
    #[serde(alias = "next_public_app_url")]
    pub(crate) trunkline_public_url: Option<Url>,
    /// The production host without `https://`, as Vercel sets it: the public address when no other setting names it.
    pub(crate) vercel_project_production_url: Option<String>,
    /// The secret of external schedulers, which call `/api/cron/{name}` with `Authorization: Bearer …`. At least 16
    /// characters. Several, separated by commas, are all accepted.
    pub(crate) cron_secret: Option<Secret>,
    /// Issuers whose tokens are accepted, besides those of the vendors below: a JSON list of `{"issuer", "jwks",
    /// "audience", "algorithms", "claims"}`. `issuer` is the exact value of `iss` (or a list). `jwks` is the address of
    /// its keys, a file or a `data:` URL. `audience` is the required value of `aud`, or one of a list: leave it out
    /// only for an issuer that is yours alone. `algorithms` are some of RS256, ES256 and EdDSA. `claims` names the
    /// claims of `organization`, `role`, `email` and `name`, such as `app_metadata.org_id`.
    pub(crate) auth_jwt_issuers: Option<String>,
    /// How long the bodies of events that were handled are kept, and news of the delivery of messages that never came:
    /// `30d`, `12h`. What each table holds, and what cleans it, is in docs/operating.md.
    #[serde(default = "inbox_retention")]
    pub(crate) trunkline_inbox_retention: String,
    /// How long events are kept, however they ended; never shorter than TRUNKLINE_INBOX_RETENTION. After that a repetition of
    /// one counts as a new event: keep them for longer than your vendors repeat theirs.
    #[serde(default = "event_retention")]
    pub(crate) trunkline_event_retention: String,
    /// How long jobs are shown that were done or cancelled.
    #[serde(default = "job_retention")]
    pub(crate) trunkline_job_retention: String,
    /// How long jobs that were given up are kept, so that they can be retried.
    #[serde(default = "dead_job_retention")]
    pub(crate) trunkline_dead_job_retention: String,
    /// How long lines of the audit log are kept.
    #[serde(default = "audit_retention")]
    pub(crate) trunkline_audit_retention: String,
    /// How long invitations are kept that were accepted, revoked or have expired.
    #[serde(default = "invitation_retention")]
    pub(crate) trunkline_invitation_retention: String,
    /// How long API keys are listed that were revoked or have expired.
    #[serde(default = "key_retention")]
    pub(crate) trunkline_key_retention: String,
    /// How long imports of customers are kept that ended, with the errors of their rows.
    #[serde(default = "import_retention")]
    pub(crate) trunkline_import_retention: String,
    /// How long a merge of two contacts can be undone.
    #[serde(default = "merge_retention")]
    pub(crate) trunkline_merge_retention: String,
    /// How long a customer's last snapshot from the payments vendor is kept: longer than any vendor repeats its events.
    #[serde(default = "snapshot_retention")]
    pub(crate) trunkline_snapshot_retention: String,
    /// How long a node on PostgreSQL may be silent before the others take over what it was running: `15s`. Between one second
    /// and ten minutes.
    #[serde(default = "lease")]
    pub(crate) trunkline_lease: String,
    /// The largest body of a webhook, in bytes, unless its vendor is known to send more.
    #[serde(default = "body_limit")]
    pub(crate) trunkline_body_limit: usize,
    /// Bytes of memory that events may take while they wait for the disk, at most 4 GiB. When more arrive, senders are told to
    /// come back (503 with Retry-After).
    #[serde(default = "inbox_buffer")]
    pub(crate) trunkline_inbox_buffer: usize,
    /// Origins whose pages may call from a browser, separated by commas, such as `https://app.example.com`; `*` is every
    /// origin.
    pub(crate) trunkline_cors_origins: Option<String>,
    /// Origins that our own pages may load from and talk to besides their own, separated by commas.
    pub(crate) trunkline_page_sources: Option<String>,
    /// Calls per minute of one API key, one person, or one address where nobody is signed in; 0 is no limit.
    #[serde(default = "rate_caller")]
    pub(crate) trunkline_rate_caller: u32,
    /// Calls per minute of one organization; 0 is no limit.
    #[serde(default = "rate_organization")]
    pub(crate) trunkline_rate_organization: u32,
    /// Calls per minute of one operation by one caller; 0 is no limit.
    #[serde(default = "rate_operation")]
    pub(crate) trunkline_rate_operation: u32,
    /// Live queries of one connection. What exceeds that is refused.
    #[serde(default = "live_queries")]
    pub(crate) trunkline_live_queries: usize,
    /// Bytes that the arguments and the answers of one connection's live queries may take. What exceeds that is refused.
    #[serde(default = "live_bytes")]
    pub(crate) trunkline_live_bytes: usize,
    /// The same before somebody has signed in; also how long one message may be until then.
    #[serde(default = "live_anonymous_bytes")]
    pub(crate) trunkline_live_anonymous_bytes: usize,
    /// How long one live query may run: `2s`, `500ms`. What takes longer is left out, its watchers are told, and it is tried
    /// again from time to time.
    #[serde(default = "live_query_limit")]
    pub(crate) trunkline_live_query_limit: String,
    /// The number of proxies in front of this server that append to `X-Forwarded-For`. With 0, that header is ignored.
    #[serde(default)]
    pub(crate) trunkline_proxies: usize,
    /// The limits of plans: a JSON list of `{"id", "name", "maxCustomers", "maxStaff", "maxClients"}`. The plan `free`
    /// applies to organizations without a subscription (3 customers, 2 people of their own, 10 clients, by default);
    /// any other `id` is a product at the payments vendor, and applies where the vendor sets no limits.
    pub(crate) plans: Option<String>,
    /// The log filter: `error`, `warn`, `info`, `debug`, or a filter such as `info,engine=debug`.
    #[serde(default = "log")]
    pub(crate) trunkline_log: String,
    /// The address of another server, on which commands that are operations run instead of on the data folder.
    pub(crate) trunkline_url: Option<Url>,
    /// The API key of those commands: create one with `trunkline keys create`.
    pub(crate) trunkline_api_key: Option<Secret>,
    /// The format of log lines: for people, or one JSON object per line.
    #[serde(default)]
    pub(crate) trunkline_log_format: LogFormat,
}

/// Variables that products set today and that a later version reads. They are accepted, and change nothing yet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "declared so that they are documented; each moves to the feature that reads it")]
pub(crate) struct ReservedSettings {
    /// The vendor of e-mail.
    email_provider: Option<String>,
    /// The vendor of payments.
    payments_provider: Option<String>,
    /// The vendor of sign-in.
    auth_provider: Option<String>,
    /// The vendor of file storage.
    storage_provider: Option<String>,
    /// The vendor of language models.
    ai_provider: Option<String>,
    /// The vendor that stores the encryption keys.
    keys_provider: Option<String>,
    /// The vendor of error monitoring.
    monitoring_provider: Option<String>,
    /// A Redis server that all nodes share.
    redis_url: Option<Secret>,
    /// Encrypts credentials at rest: 32 random bytes in base64, from `openssl rand -base64 32`.
    encryption_key: Option<Secret>,
    /// Encrypts sessions: 32 random bytes in base64, from `openssl rand -base64 32`.
    nextauth_secret: Option<Secret>,
    /// The name of this service in traces.
    otel_service_name: Option<String>,
    /// Where traces, metrics and logs are sent, by OTLP over HTTP.
    otel_exporter_otlp_endpoint: Option<Url>,
    /// The address of the live queries, for a front end built with Next.js: the same as TRUNKLINE_PUBLIC_URL.
    next_public_convex_url: Option<Url>,
    /// The address of the live queries, for a front end built with Vite: the same as TRUNKLINE_PUBLIC_URL.
    vite_convex_url: Option<Url>,
    /// Reports the sizes of the console's bundles when it is built.
    analyze: Option<bool>,
    /// Set by Vercel on its machines.
    vercel: Option<String>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// For machines: one object per line.
    Json,
}

fn data() -> String {
    "data".to_owned()
}

fn database_connections() -> u32 {
    16
}

fn listen() -> String {
    "127.0.0.1:3000".to_owned()
}

fn inbox_retention() -> String {
    "30d".to_owned()
}

fn event_retention() -> String {
    "90d".to_owned()
}

fn job_retention() -> String {
    "7d".to_owned()
}

fn dead_job_retention() -> String {
    "90d".to_owned()
}

fn audit_retention() -> String {
    "730d".to_owned()
}

fn invitation_retention() -> String {
    "90d".to_owned()
}

fn key_retention() -> String {
    "90d".to_owned()
}

fn import_retention() -> String {
    "90d".to_owned()
}

fn merge_retention() -> String {
    "365d".to_owned()
}

fn snapshot_retention() -> String {
    "400d".to_owned()
}

fn lease() -> String {
    "15s".to_owned()
}

fn body_limit() -> usize {
    1 << 20
}

fn inbox_buffer() -> usize {
    64 << 20
}

fn rate_caller() -> u32 {
    6_000
}

fn rate_organization() -> u32 {
    30_000
}

fn rate_operation() -> u32 {
    3_000
}

fn live_queries() -> usize {
    LiveOptions::default().queries
}

fn live_bytes() -> usize {
    LiveOptions::default().bytes
}

fn live_anonymous_bytes() -> usize {
    LiveOptions::default().anonymous_bytes
}

fn live_query_limit() -> String {
    "2s".to_owned()
}

fn log() -> String {
    "info".to_owned()
}

/// Shorter secrets could be guessed.
const CRON_SECRET_LENGTH: usize = 16;

impl Settings {
    /// Checks what the types cannot express.
    pub(crate) fn check(&self) -> Result<()> {
        self.retention()?;
        self.lease()?;
        self.own_issuers()?;
        self.live()?;
        self.surfaces()?;
        within("TRUNKLINE_DATABASE_CONNECTIONS", self.trunkline_database_connections, 2..=1000)?;
        within("TRUNKLINE_WORKERS", self.trunkline_workers.unwrap_or(1), 1..=10_000)?;
        if let Some(secret) = &self.cron_secret
            && secret.rotation().any(|secret| secret.len() < CRON_SECRET_LENGTH)
        {
            return Err(Error::config(
                "cron_secret_short",
                "CRON_SECRET is shorter than 16 characters: make one with `openssl rand -hex 32`",
            ));
        }
        Ok(())
    }

    /// Returns the issuers whose tokens are accepted: those of the operator's list, then those that the vendors bring.
    pub(crate) fn issuers(&self, brought: &[Issuer], world: &World) -> Result<Issuers> {
        let transport = Transport::new(Options::default(), Arc::new(SystemClock), Arc::new(SystemRandom));
        let all = self.own_issuers()?.into_iter().chain(brought.iter().cloned());
        Issuers::new(all, &transport, world)
    }

    fn own_issuers(&self) -> Result<Vec<Issuer>> {
        self.auth_jwt_issuers.as_deref().map_or_else(|| Ok(Vec::new()), |json| auth::issuers("AUTH_JWT_ISSUERS", json))
    }

    /// How long this installation keeps what is deleted when it is old, by the name of the setting.
    pub(crate) fn retention(&self) -> Result<BTreeMap<&'static str, Duration>> {
        let written = [
            ("TRUNKLINE_INBOX_RETENTION", &self.trunkline_inbox_retention),
            ("TRUNKLINE_EVENT_RETENTION", &self.trunkline_event_retention),
            ("TRUNKLINE_JOB_RETENTION", &self.trunkline_job_retention),
            ("TRUNKLINE_DEAD_JOB_RETENTION", &self.trunkline_dead_job_retention),
            ("TRUNKLINE_AUDIT_RETENTION", &self.trunkline_audit_retention),
            ("TRUNKLINE_INVITATION_RETENTION", &self.trunkline_invitation_retention),
            ("TRUNKLINE_KEY_RETENTION", &self.trunkline_key_retention),
            ("TRUNKLINE_IMPORT_RETENTION", &self.trunkline_import_retention),
            ("TRUNKLINE_MERGE_RETENTION", &self.trunkline_merge_retention),
            ("TRUNKLINE_SNAPSHOT_RETENTION", &self.trunkline_snapshot_retention),
        ];
        let kept = written.into_iter().map(|(setting, text)| {
            let keep = span(text).ok_or_else(|| {
                let message = format!("{setting} is not a span of time: write it like 30d or 12h");
                Error::config("retention_malformed", message)
            })?;
            Ok((setting, keep))
        });
        let mut kept: BTreeMap<_, _> = kept.collect::<Result<_>>()?;
        // A body goes with its event.
        let bodies = kept["TRUNKLINE_INBOX_RETENTION"];
        kept.entry("TRUNKLINE_EVENT_RETENTION").and_modify(|events| *events = bodies.max(*events));
        Ok(kept)
    }

    /// How live queries work.
    pub(crate) fn live(&self) -> Result<LiveOptions> {
        let query_limit = span(&self.trunkline_live_query_limit).filter(|limit| !limit.is_zero()).ok_or_else(|| {
            Error::config(
                "live_query_limit_malformed",
                "TRUNKLINE_LIVE_QUERY_LIMIT is not a span of time: write it like 2s or 500ms",
            )
        })?;
        Ok(LiveOptions {
            query_limit,
            queries: self.trunkline_live_queries,
            bytes: self.trunkline_live_bytes,
            anonymous_bytes: self.trunkline_live_anonymous_bytes,
            ..LiveOptions::default()
        })
    }

    /// How long a node may be silent before others take over.
    pub(crate) fn lease(&self) -> Result<Duration> {
        const BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);
        span(&self.trunkline_lease).filter(|lease| BOUNDS.contains(lease)).ok_or_else(|| {
            Error::config(
                "lease_malformed",
                "TRUNKLINE_LEASE is not a span of time from one second to ten minutes: write it like 15s",
            )
        })
    }

    /// Returns the options of the surfaces.
    pub(crate) fn surfaces(&self) -> Result<server::Options> {
        let rate = |calls| (calls > 0).then(|| Rate::per_minute(calls));
        Ok(server::Options {
            body_limit: self.trunkline_body_limit,
            cron_secret: self.cron_secret.clone(),
            cors_origins: origins("TRUNKLINE_CORS_ORIGINS", self.trunkline_cors_origins.as_deref())?,
            page_sources: origins("TRUNKLINE_PAGE_SOURCES", self.trunkline_page_sources.as_deref())?,
            rates: Rates {
                caller: rate(self.trunkline_rate_caller),
                organization: rate(self.trunkline_rate_organization),
                operation: rate(self.trunkline_rate_operation),
            },
            proxies: self.trunkline_proxies,
            ..server::Options::new(self.public_url()?)
        })
    }

    /// Returns the public address of this installation.
    pub(crate) fn public_url(&self) -> Result<Url> {
        if let Some(url) = &self.trunkline_public_url {
            return Ok(url.clone());
        }
        let address = match &self.vercel_project_production_url {
            Some(host) => format!("https://{host}/"),
            None => format!("http://{}/", self.trunkline_listen),
        };
        address.parse().map_err(|error| {
            Error::config("public_url", "TRUNKLINE_LISTEN is not an address: write it like 127.0.0.1:3000")
                .source(error)
        })
    }
}

fn within(variable: &'static str, value: u32, range: RangeInclusive<u32>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let message = format!("{variable} is {value}: set it to something from {} to {}", range.start(), range.end());
    Err(Error::config("setting_out_of_range", message))
}

/// Parses origins between commas.
fn origins(variable: &'static str, text: Option<&str>) -> Result<Vec<String>> {
    let written = text.unwrap_or_default().split(',').map(str::trim).filter(|origin| !origin.is_empty());
    written.map(|origin| read_origin(variable, origin)).collect()
}

fn read_origin(variable: &'static str, origin: &str) -> Result<String> {
    if origin == "*" {
        return Ok(origin.to_owned());
    }
    let url: Option<Url> = origin.parse().ok();
    match url.map(|url| (url.origin(), url)) {
        Some((parsed, url)) if parsed.is_tuple() && url.path() == "/" && url.query().is_none() => {
            Ok(parsed.ascii_serialization())
        }
        _ => {
            let message =
                format!("{variable} has {origin:?}, which is no origin: write it like https://app.example.com");
            Err(Error::config("origin_malformed", message))
        }
    }
}

/// Parses `30d`, `12h`, `90 minutes`: a day has 24 hours here.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let seconds = span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).ok()?;
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_people_write_them() {
        assert_eq!(span("30d"), Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(span("90 minutes"), Some(Duration::from_secs(5400)));
        for wrong in ["", "30", "-1d", "a while"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_sweep_goes_by_a_setting_that_there_is() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        let kept = settings.retention().unwrap();
        let mut handlers = engine::Handlers::new();
        app::register(&mut handlers, Vec::new(), Vec::new());
        let mut unread: Vec<_> = kept.keys().collect();
        for sweep in handlers.sweeps() {
            let Some(setting) = sweep.keep.setting else { continue };
            assert_eq!(kept.get(setting), Some(&sweep.keep.default), "{setting} of {}", sweep.name);
            unread.retain(|kept| **kept != setting);
        }
        assert_eq!(unread, Vec::<&&str>::new(), "settings that no sweep goes by");
    }

    #[test]
    fn events_are_kept_for_at_least_as_long_as_their_bodies() {
        let settings: Settings = serde_json::from_str(r#"{ "trunkline_inbox_retention": "180d" }"#).unwrap();
        assert_eq!(settings.retention().unwrap()["TRUNKLINE_EVENT_RETENTION"], Duration::from_secs(180 * 86_400));
        let wrong: Settings = serde_json::from_str(r#"{ "trunkline_key_retention": "soon" }"#).unwrap();
        assert_eq!(wrong.retention().unwrap_err().tag, "retention_malformed");
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let read = |text| origins("TRUNKLINE_CORS_ORIGINS", Some(text));
        assert_eq!(
            read(" https://app.test/, http://localhost:5173 ,*,").unwrap(),
            ["https://app.test", "http://localhost:5173", "*"]
        );
        for wrong in ["app.test", "https://app.test/path", "mailto:a@b.test"] {
            assert_eq!(read(wrong).unwrap_err().tag, "origin_malformed", "{wrong}");
        }
    }
}
