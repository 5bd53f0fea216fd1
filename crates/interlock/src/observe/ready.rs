//! Whether the node is ready for work: each thing that has to be so, by name.

use std::path::Path;
use std::time::Duration;

use api::Check;
use engine::Engine;
use rustix::fs::Access;

use crate::node::JOURNAL_FILE;
use crate::watching::disk;

/// How long a command that makes nothing true may take through the engine and the record.
const TURN_TIME: Duration = Duration::from_secs(5);
/// How many entries the record may be behind the journal: twice what the engine lets it be.
const MAX_LAG_ENTRIES: u64 = 2_048;
/// The least that has to be free on the disk of the data folder, in bytes: room for what a node
/// writes ahead and for one segment. The alarm about the disk comes long before.
const MIN_FREE_BYTES: u64 = 256 * 1024 * 1024;
/// The bytes of a megabyte, for people.
const MB: u64 = 1_000_000;

/// Every check, in a fixed order. Details name no file: anybody may ask.
pub(super) async fn checks(engine: &Engine, data: &Path) -> Vec<Check> {
    vec![turn(engine).await, journal(data), record(engine), room(data)]
}

/// Whether both threads of the engine work.
async fn turn(engine: &Engine) -> Check {
    let stopped = engine.stopped().borrow().is_some();
    let ok = !stopped && engine.answers_within(TURN_TIME).await;
    let detail = match (ok, stopped) {
        (true, _) => "it takes commands".to_owned(),
        (false, true) => "it has stopped: the log says why".to_owned(),
        (false, false) => format!("it answered nothing for {} seconds", TURN_TIME.as_secs()),
    };
    Check { name: "engine", ok, detail }
}

/// Whether the journal may be written. Its file is not opened for that: to close it again would
/// give up the locks that this process has on it.
fn journal(data: &Path) -> Check {
    let may = |path: &Path| {
        rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK)
            .map_err(rustix::io::Errno::kind)
    };
    let found = may(&data.join(JOURNAL_FILE)).and_then(|()| may(data));
    let detail = match &found {
        Ok(()) => "it is there and may be written".to_owned(),
        Err(kind) => format!("it cannot be written: {kind}"),
    };
    Check { name: "journal", ok: found.is_ok(), detail }
}

/// Whether the record follows the journal.
fn record(engine: &Engine) -> Check {
    let measures = engine.measures();
    let lag = measures.journaled.saturating_sub(measures.recorded);
    let detail = format!("{lag} entries behind the journal; {MAX_LAG_ENTRIES} are allowed");
    Check { name: "record", ok: lag <= MAX_LAG_ENTRIES, detail }
}

/// Whether there is room on the disk. Where the system cannot tell, nothing is held against it.
fn room(data: &Path) -> Check {
    match disk(data) {
        Some(disk) => {
            let detail =
                format!("{} MB are free; {} are needed", disk.free / MB, MIN_FREE_BYTES / MB);
            Check { name: "disk", ok: disk.free >= MIN_FREE_BYTES, detail }
        }
        None => Check { name: "disk", ok: true, detail: "the system does not tell".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_gone_is_told_of_without_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let check = journal(folder.path());
        assert!(!check.ok && !check.detail.contains('/'), "{check:?}");
        std::fs::write(folder.path().join(JOURNAL_FILE), "").unwrap();
        assert!(journal(folder.path()).ok);
        assert!(room(folder.path()).detail.contains("MB are free"));
    }
}
