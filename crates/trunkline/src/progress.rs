//! Shows the progress of long work on a terminal, and nothing anywhere else.

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// A progress line on standard error, which is removed when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts the progress of work with a known total.
    pub(crate) fn of(what: impl Into<Cow<'static, str>>, total: u64) -> Self {
        let bar = ProgressBar::new(total).with_message(what);
        Self(bar.with_style(style("{msg} [{bar:40}] {human_pos} of {human_len} ({eta} left)")))
    }

    /// Starts the progress of work without a known total.
    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        let spinner = ProgressBar::new_spinner().with_message(what).with_style(style("{spinner} {msg} ({elapsed})"));
        // Work that ends at once shows nothing.
        spinner.enable_steady_tick(Duration::from_millis(250));
        Self(spinner)
    }

    /// Sets the progress.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Sets the text.
    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
