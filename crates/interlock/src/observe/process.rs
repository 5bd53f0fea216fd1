//! The figures of the process, by the names that Prometheus has for them. Where the system has no
//! `/proc` they are left out.

use std::fs;

use jiff::Timestamp;
use watch::exposition::{Exposition, Kind};

/// The bytes of a kibibyte, in which `/proc/self/status` counts.
const KIB: u64 = 1024;

pub(super) fn write(text: &mut Exposition, started: Timestamp) {
    let gauges = [
        ("process_resident_memory_bytes", "Memory that the process has in use.", resident()),
        ("process_open_fds", "Files and sockets that it has open.", open_files()),
        ("process_max_fds", "How many it may have open.", most_files()),
        (
            "process_start_time_seconds",
            "When the node started, by its clock: seconds since 1970-01-01T00:00:00Z.",
            u64::try_from(started.as_second()).ok(),
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            text.one(name, Kind::Gauge, help, value);
        }
    }
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = kib.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * KIB)
}

fn open_files() -> Option<u64> {
    // The folder that is read is open itself while it is.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u64::try_from(open).ok()
}

/// The soft limit; none where there is no limit.
fn most_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_uses() {
        if !std::path::Path::new("/proc/self/status").exists() {
            println!("skipped: this system has no /proc");
            return;
        }
        assert!(resident().is_some_and(|bytes| bytes > 100 * KIB));
        let before = open_files().unwrap();
        let file = fs::File::open("/proc/self/status").unwrap();
        assert!(open_files().unwrap() > 0 && before > 0);
        drop(file);
    }
}
