//! Structured logs, with personal data and secrets masked before they are written.

use std::io::{self, IsTerminal, Write};

use kernel::{Error, Result, mask};
use serde_json::Value;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::settings::{LogFormat, Settings};

/// Starts logging to standard error.
pub(crate) fn start(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.trunkline_log).map_err(|error| {
        Error::config("log_filter", "TRUNKLINE_LOG is not a filter: write it like info or info,engine=debug")
            .source(error)
    })?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stderr().is_terminal()).with_writer(Masked);
    let started = match settings.trunkline_log_format {
        LogFormat::Pretty => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Error::internal("logging", "logging started twice").source(error))
}

/// Creates writers that mask what they write.
struct Masked;

/// One log line.
struct Line(Vec<u8>);

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line is complete when its writer is dropped.
impl Drop for Line {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.0);
        let masked = match serde_json::from_str(&line) {
            Ok(Value::Object(fields)) => format!("{}\n", Value::Object(fields.into_iter().map(masked_field).collect())),
            _ => mask(&line).into_owned(),
        };
        // When standard error is closed, the error cannot be reported anywhere.
        io::stderr().lock().write_all(masked.as_bytes()).unwrap_or_default();
    }
}

/// Fields that are searched for in logs, and contain no personal data.
const PLAIN: [&str; 2] = ["timestamp", "request_id"];

/// Texts are masked. Numbers are measurements, and stay numbers for programs that read the logs.
fn masked_field((name, mut value): (String, Value)) -> (String, Value) {
    if let Value::String(text) = &mut value
        && !PLAIN.contains(&name.as_str())
    {
        *text = mask(text).into_owned();
    }
    (name, value)
}
