//! What the kernel knows of processes: CPU time and memory.

use std::{fs, time::Duration};

/// Ticks of `/proc/*/stat` in a second, on every Linux that matters.
const TICKS: u64 = 100;

/// CPU time that a process has used, over all its threads.
pub(crate) fn cpu(pid: u32) -> Duration {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .as_deref()
        .and_then(ticks)
        .map_or(Duration::ZERO, |ticks| Duration::from_millis(ticks * 1000 / TICKS))
}

/// CPU time that a PostgreSQL server has used, with all its processes: those that have ended are counted by the first.
pub(crate) fn cpu_of_server(postmaster: u32) -> Duration {
    let Ok(entries) = fs::read_dir("/proc") else { return Duration::ZERO };
    let stats = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let used = stats.filter_map(|stat| {
        let (front, fields) = stat.rsplit_once(')')?;
        let parent = fields.split_whitespace().nth(1)?.parse::<u32>().ok()?;
        let pid = front.split_whitespace().next()?.parse::<u32>().ok()?;
        let of_children = if pid == postmaster { sum(fields, 13) } else { Some(0) };
        (pid == postmaster || parent == postmaster).then(|| Some(ticks(&stat)? + of_children?)).flatten()
    });
    Duration::from_millis(used.sum::<u64>() * 1000 / TICKS)
}

/// Resident memory now and at its highest, in MiB.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    (mib("VmRSS:"), mib("VmHWM:"))
}

fn ticks(stat: &str) -> Option<u64> {
    sum(stat.rsplit_once(')')?.1, 11)
}

/// Two fields that follow one another: time in the program and in the kernel.
fn sum(fields: &str, from: usize) -> Option<u64> {
    let mut fields = fields.split_whitespace().skip(from);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
