//! The files of a node, checked from outside: the chain by the script for strangers, the record
//! against one that is made anew.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::child::run;

/// The journal in a data folder.
pub const JOURNAL: &str = "journal.sqlite3";
/// The record in a data folder.
pub const RECORD: &str = "record.sqlite3";

/// Recomputes the chain with `tools/verify_journal.py`, which knows nothing of this program, and
/// returns what it says of the tip.
pub fn verify_chain(data: &Path) -> Result<String, String> {
    let script = crate::workspace_root().join("tools/verify_journal.py");
    let (script, journal) = (script.to_string_lossy().into_owned(), data.join(JOURNAL));
    let said = run("python3", &[&script, &journal.to_string_lossy()])?;
    let tip = said.lines().find_map(|line| line.strip_prefix("tip"));
    tip.map(|tip| tip.trim().to_owned()).ok_or_else(|| "the script names no tip".to_owned())
}

/// Dumps the record as it is, makes it anew from the journal alone, dumps it again, and compares.
/// The node must not run. Returns the bytes of a dump.
pub fn rebuild_is_the_same(binary: &Path, data: &Path, scratch: &Path) -> Result<u64, String> {
    let (before, after) = (scratch.join("before.dump"), scratch.join("after.dump"));
    let [binary, data] = [binary, data].map(|path| path.to_string_lossy().into_owned());
    let dump = |arguments: &[&str], to: &Path| {
        let to = to.to_string_lossy();
        let all: Vec<&str> = ["rebuild", &data, "--dump", &to]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        run(&binary, &all)
    };
    dump(&["--dump-only"], &before)?;
    dump(&[], &after)?;
    same(&before, &after)
}

/// Compares two files; the place of the first difference is the error.
pub fn same(one: &Path, other: &Path) -> Result<u64, String> {
    let open = |path: &Path| {
        File::open(path).map(BufReader::new).map_err(|error| format!("{}: {error}", path.display()))
    };
    let (mut one, mut other) = (open(one)?.bytes(), open(other)?.bytes());
    let mut line = 1_u64;
    let mut bytes = 0_u64;
    loop {
        match (one.next().and_then(Result::ok), other.next().and_then(Result::ok)) {
            (None, None) => return Ok(bytes),
            (Some(a), Some(b)) if a == b => {
                bytes += 1;
                line += u64::from(a == b'\n');
            }
            _ => return Err(format!("the dumps differ from line {line} on")),
        }
    }
}
