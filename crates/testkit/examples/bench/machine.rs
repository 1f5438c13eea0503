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

/// CPU time that all processes of this name have used.
pub(crate) fn cpu_of(name: &str) -> Duration {
    let Ok(entries) = fs::read_dir("/proc") else { return Duration::ZERO };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name))
        .map(cpu)
        .sum()
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
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
