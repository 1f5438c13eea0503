//! The numbers, as a table and as JSON.

use serde::Serialize;

use super::load::Load;

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
    /// CPU time of server and PostgreSQL for each event, in microseconds.
    pub(crate) cpu_micros: f64,
    /// The 99th percentile as a multiple of the intake's without workers, in the same round.
    pub(crate) times_intake_p99: Option<f64>,
    pub(crate) idle_mib: f64,
    pub(crate) highest_mib: f64,
    pub(crate) ready_ms: Option<f64>,
    /// Requests per second as a part of what the ceiling took just before.
    pub(crate) of_ceiling: Option<f64>,
    /// The 99th percentile as a multiple of the ceiling's just before.
    pub(crate) times_ceiling_p99: Option<f64>,
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

impl Line {
    /// Work without requests.
    pub(crate) fn of_work(variant: &str, events: usize, elapsed: std::time::Duration) -> Self {
        let requests_per_second = events as f64 / elapsed.as_secs_f64();
        Self { variant: variant.to_owned(), requests: events, requests_per_second, ..Self::default() }
    }

    /// Sets it against the ceiling that was measured just before it.
    pub(crate) fn against(mut self, ceiling: &Self) -> Self {
        self.of_ceiling = Some(self.requests_per_second / ceiling.requests_per_second);
        self.times_ceiling_p99 = Some(self.p99_ms / ceiling.p99_ms).filter(|times| *times > 0.0);
        self
    }
}

/// Each variant once: the median of every number over the rounds. The machine is another one every minute, so each
/// measurement was compared with a ceiling of its own.
pub(crate) fn medians(rounds: &[Vec<Line>]) -> Vec<Line> {
    let Some(first) = rounds.first() else { return Vec::new() };
    let lines = first.iter().enumerate().map(|(at, line)| {
        let of = |number: fn(&Line) -> f64| median(rounds.iter().map(|round| number(&round[at])).collect());
        let maybe = |number: fn(&Line) -> Option<f64>| {
            let numbers: Option<Vec<_>> = rounds.iter().map(|round| number(&round[at])).collect();
            numbers.map(median)
        };
        Line {
            variant: line.variant.clone(),
            connections: line.connections,
            requests: rounds.iter().map(|round| round[at].requests).sum(),
            refused: rounds.iter().map(|round| round[at].refused).sum(),
            requests_per_second: of(|line| line.requests_per_second),
            p50_ms: of(|line| line.p50_ms),
            p99_ms: of(|line| line.p99_ms),
            rows_per_commit: maybe(|line| line.rows_per_commit),
            server_cores: of(|line| line.server_cores),
            postgres_cores: of(|line| line.postgres_cores),
            load_cores: of(|line| line.load_cores),
            cpu_micros: of(|line| line.cpu_micros),
            times_intake_p99: maybe(|line| line.times_intake_p99),
            idle_mib: of(|line| line.idle_mib),
            highest_mib: of(|line| line.highest_mib),
            ready_ms: maybe(|line| line.ready_ms),
            of_ceiling: maybe(|line| line.of_ceiling),
            times_ceiling_p99: maybe(|line| line.times_ceiling_p99),
        }
    });
    lines.collect()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let upper = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[upper] } else { f64::midpoint(numbers[upper - 1], numbers[upper]) }
}

/// Prints the table.
pub(crate) fn print(lines: &[Line]) {
    println!(
        "| conns | variant | req/s | of ceiling | µs CPU an event | p50 ms | p99 ms | × ceiling's p99 | × intake's p99 | rows/commit | cores: server | PostgreSQL | load | MiB idle | MiB highest | ready ms | refused |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for line in lines {
        let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
        println!(
            "| {} | {} | {:.0} | {} | {:.0} | {:.1} | {:.1} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {} | {} |",
            line.connections,
            line.variant,
            line.requests_per_second,
            line.of_ceiling.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
            line.cpu_micros,
            line.p50_ms,
            line.p99_ms,
            line.times_ceiling_p99.map_or_else(String::new, |times| format!("{times:.1}")),
            line.times_intake_p99.map_or_else(String::new, |times| format!("{times:.1}")),
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
