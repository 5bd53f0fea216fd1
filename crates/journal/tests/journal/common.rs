//! What the tests of the journal share.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use journal::{Draft, Journal, Options, Position, Reader};
use tempfile::TempDir;

pub(crate) const SITE: &str = "RXX";

/// A journal in a directory of its own.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("site.journal");
        Self { directory, path }
    }

    /// A closed journal with `count` entries, and its end.
    pub(crate) fn with_entries(count: u64) -> (Self, Position) {
        let place = Self::new();
        let mut journal = place.open();
        let batch: Vec<_> = (1..=count).map(draft).collect();
        let tip = journal.append(&batch).unwrap();
        (place, tip)
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(&self.path, SITE, Options::default()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path).unwrap()
    }

    /// The file beside the journal that SQLite writes ahead to.
    pub(crate) fn wal(&self) -> PathBuf {
        self.path.with_extension("journal-wal")
    }
}

/// A draft that differs for every number, some with and some without a raw message.
pub(crate) fn draft(number: u64) -> Draft {
    let raw = if number.is_multiple_of(3) { String::new() } else { format!("MSH|^~\\&|{number}") };
    Draft {
        at: 1_700_000_000_000_000 + i64::try_from(number).unwrap(),
        head: format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(200)).into_bytes(),
        raw: raw.into_bytes(),
    }
}

/// The stranger's verdict on the journal: whether it holds, and what was printed.
pub(crate) fn stranger(path: &Path, expected: Option<Position>) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/verify_journal.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(path);
    if let Some(position) = expected {
        command.arg("--expect").arg(position.to_string());
    }
    let output = command.output().expect("these tests need python3 on the PATH");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}
