//! How far long work has come: on the terminal of somebody who looks at it, and nowhere else.

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// A line on standard error that moves. It goes when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Work of which it is known how much there is.
    pub(crate) fn of(what: impl Into<Cow<'static, str>>, total: u64) -> Self {
        let bar = ProgressBar::new(total).with_message(what);
        Self(bar.with_style(style("{msg} [{bar:40}] {human_pos} of {human_len} ({eta} left)")))
    }

    /// Work that takes as long as it takes.
    pub(crate) fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        let spinner = ProgressBar::new_spinner().with_message(what).with_style(style("{spinner} {msg} ({elapsed})"));
        // What is over in a moment shows nothing.
        spinner.enable_steady_tick(Duration::from_millis(250));
        Self(spinner)
    }

    /// So much is done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// What it says.
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
