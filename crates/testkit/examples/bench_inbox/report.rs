//! The numbers, as a table and as JSON.

use serde::Serialize;

use crate::load::Load;

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) variant: String,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) refused: usize,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) rows_per_commit: Option<f64>,
    pub(crate) server_cores: f64,
    pub(crate) postgres_cores: f64,
    pub(crate) load_cores: f64,
    pub(crate) idle_mib: f64,
    pub(crate) highest_mib: f64,
    pub(crate) ready_ms: Option<f64>,
}

impl Line {
    pub(crate) fn new(variant: &str, connections: usize, load: &Load) -> Self {
        Self {
            variant: variant.to_owned(),
            connections,
            requests: load.requests,
            refused: load.refused,
            requests_per_second: load.rate(),
            p50_ms: load.percentile(0.5),
            p99_ms: load.percentile(0.99),
            ..Self::default()
        }
    }
}

/// Prints the table, each line with its share of the ceiling at the same number of connections.
pub(crate) fn print(lines: &[Line]) {
    println!(
        "| conns | variant | req/s | of ceiling | p50 ms | p99 ms | × ceiling's p99 | rows/commit | cores: server | PostgreSQL | load | MiB idle | MiB highest | ready ms | refused |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for line in lines {
        let ceiling = lines.iter().find(|other| other.variant == "ceiling" && other.connections == line.connections);
        let share = ceiling.map_or(0.0, |ceiling| line.requests_per_second / ceiling.requests_per_second * 100.0);
        let tail = ceiling.map_or(0.0, |ceiling| line.p99_ms / ceiling.p99_ms);
        let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
        println!(
            "| {} | {} | {:.0} | {share:.0} % | {:.1} | {:.1} | {tail:.1} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {} | {} |",
            line.connections,
            line.variant,
            line.requests_per_second,
            line.p50_ms,
            line.p99_ms,
            optional(line.rows_per_commit),
            line.server_cores,
            line.postgres_cores,
            line.load_cores,
            line.idle_mib,
            line.highest_mib,
            optional(line.ready_ms),
            line.refused,
        );
    }
}

pub(crate) fn json(lines: &[Line]) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(lines)? + "\n")
}
