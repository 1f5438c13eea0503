//! Ctrl-C and termination as flags, so that child processes are stopped before xtask ends.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    thread,
    time::Duration,
};

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// The source of the interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C: the terminal has also interrupted the child processes.
    Terminal,
    /// A signal that only this process received.
    Process,
}

static SEEN: AtomicU8 = AtomicU8::new(0);

/// From here on a signal does not end this process; [`seen`] returns it.
pub(crate) fn watch() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate, mut hang_up) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => SEEN.store(1, Ordering::SeqCst),
                _ = terminate.recv() => SEEN.store(2, Ordering::SeqCst),
                _ = hang_up.recv() => SEEN.store(2, Ordering::SeqCst),
            }
        });
    });
    Ok(())
}

/// Returns the first signal that arrived.
pub(crate) fn seen() -> Option<Interrupt> {
    match SEEN.load(Ordering::SeqCst) {
        0 => None,
        1 => Some(Interrupt::Terminal),
        _ => Some(Interrupt::Process),
    }
}

/// Sleeps until a signal arrives.
pub(crate) fn wait() {
    while seen().is_none() {
        thread::sleep(Duration::from_millis(50));
    }
}
