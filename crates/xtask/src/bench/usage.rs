//! What a process uses, from `/proc`: memory, processor time, disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A tick of `utime` and `stime` in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that is
/// built today (proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// What a process used up to now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    /// Resident memory now (`VmRSS`), in KiB.
    pub(crate) rss_kib: u64,
    /// The most resident memory up to now (`VmHWM`), in KiB.
    pub(crate) peak_kib: u64,
    /// Of the resident memory what is the program's own (`RssAnon`), in KiB.
    pub(crate) anon_kib: u64,
    /// Of the resident memory what is of files, the program and maps (`RssFile`), in KiB.
    pub(crate) file_kib: u64,
    /// Processor time in user and system mode, to 10 ms.
    pub(super) processor: Duration,
    /// Processor time of each live thread, by its name; threads of one name are added up.
    pub(super) threads: BTreeMap<String, Duration>,
}

impl Usage {
    /// Reads what the process of that id used.
    pub(crate) fn of(process: u32) -> Result<Usage, String> {
        let folder = format!("/proc/{process}");
        let read = |name: &str| {
            let path = format!("{folder}/{name}");
            fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let status = read("status")?;
        let mut usage = Usage {
            rss_kib: kib(&status, "VmRSS:"),
            peak_kib: kib(&status, "VmHWM:"),
            anon_kib: kib(&status, "RssAnon:"),
            file_kib: kib(&status, "RssFile:"),
            processor: processor(&read("stat")?),
            threads: BTreeMap::new(),
        };
        let tasks = fs::read_dir(format!("{folder}/task")).map_err(|error| error.to_string())?;
        for task in tasks.flatten() {
            // A thread may end between the listing and the reading.
            let text = |name: &str| fs::read_to_string(task.path().join(name)).ok();
            if let (Some(name), Some(times)) = (text("comm"), text("schedstat")) {
                let spent = times.split(' ').next().and_then(|text| text.parse().ok());
                *usage.threads.entry(name.trim().to_owned()).or_default() +=
                    Duration::from_nanos(spent.unwrap_or_default());
            }
        }
        Ok(usage)
    }

    /// The processor time since an earlier reading.
    pub(super) fn since(&self, earlier: &Usage) -> Duration {
        self.processor.saturating_sub(earlier.processor)
    }

    /// The processor time of each thread since an earlier reading.
    pub(super) fn threads_since(&self, earlier: &Usage) -> BTreeMap<String, Duration> {
        let before = |name: &String| earlier.threads.get(name).copied().unwrap_or_default();
        let spent =
            |(name, now): (&String, &Duration)| (name.clone(), now.saturating_sub(before(name)));
        self.threads.iter().map(spent).collect()
    }
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let text = line.and_then(|rest| rest.split_whitespace().next());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The fields after the name, which stands in parentheses and may hold anything.
fn processor(stat: &str) -> Duration {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u32 = ticks.filter_map(|text| text.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// The bytes of all files of a folder whose name starts with `prefix`.
pub(super) fn bytes(folder: &Path, prefix: &str) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    let ours =
        files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with(prefix));
    ours.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 1 1 0 -1 4194560 1 0 0 0 120 30 0 0 20 0 1 0 5 1 1";
        assert_eq!(processor(stat), Duration::from_millis(1500));
    }

    #[test]
    fn this_process_uses_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_kib > 0 && usage.peak_kib >= usage.rss_kib);
        assert!(usage.anon_kib > 0 && usage.file_kib > 0);
        assert!(!usage.threads.is_empty());
    }
}
