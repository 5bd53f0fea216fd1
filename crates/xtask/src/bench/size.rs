//! What a message takes on the disk: the journal's sealed segments, the record's row of the
//! message, and the message index. What a message leads to, the resources and the live state, is
//! the hospital's own record and is not counted here; `soak` tells it.

use std::path::Path;

use journal::{Durability, Sealing, folder_of};
use medicines::{Fact, Head};
use record::{Applied, MessageIndexer, Record};

use super::Effort;
use super::figures::{Table, number, say};
use super::hospital::{SITE, inpatients};
use super::node::{Folder, told};
use super::stages::{Line, daily, first_day};

/// How many entries are read from the journal at a time.
const CHUNK: usize = 512;
/// How much of the raw text all of it may take.
const TARGET: f64 = 0.6;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let folder = Folder::new()?;
    let mut patients = inpatients(effort.pick(2_000, 500));
    let mut line = Line::new(&folder, Durability::Off)?;
    line.configure()?;
    line.all(patients.iter_mut().flat_map(first_day))?;
    for _ in 0..effort.pick(80, 60) {
        line.all(patients.iter_mut().map(daily))?;
    }
    let sealing = Sealing { keep_entries: 0, ..Sealing::default() };
    let segments = line.journal.seal(&sealing).map_err(told)?;
    if segments == 0 {
        return Err("there are too few messages for a segment".to_owned());
    }
    let in_segments = segments * sealing.segment_entries;
    let entries = line.journal.reader().map_err(told)?;
    let verified = entries.verify().map_err(told)?;
    let raw = number(verified.message_bytes) / number(verified.messages);

    let rows = folder.path().join("rows.sqlite3");
    write_rows(&entries, &rows)?;
    let index = folder.path().join("messages.sqlite3");
    let mut indexer = MessageIndexer::open(&index, &entries).map_err(told)?;
    while indexer.follow(&entries, in_segments).map_err(told)? {}
    drop(indexer);

    let journal = folder.path().join("journal.sqlite3");
    let parts = [
        ("journal, sealed segments", size(&folder_of(&journal)), in_segments),
        ("record, the message's row", size(&rows), line.journal.position().seq),
        ("message index", size(&index), in_segments),
    ];
    say(&format!("{} messages of {raw:.0} bytes, {segments} segments", verified.messages));
    let mut table = Table::new(&["part", "bytes a message", "of the raw text"]);
    let mut all = 0.0;
    for (part, bytes, entries) in parts {
        let each = number(bytes) / number(entries);
        all += each;
        table.row([part.to_owned(), format!("{each:.1}"), format!("{:.3}", each / raw)]);
    }
    table.row(["all".to_owned(), format!("{all:.1}"), format!("{:.3}", all / raw)]);
    table.print();
    if all > TARGET * raw { Err(format!("more than {TARGET} of the raw text")) } else { Ok(()) }
}

/// The rows of the messages alone, in a record of their own.
fn write_rows(entries: &journal::Reader, path: &Path) -> Result<(), String> {
    let mut record = Record::open(path, SITE).map_err(told)?;
    let mut next = 1;
    loop {
        let batch = entries.read_from(next, CHUNK).map_err(told)?;
        let Some(last) = batch.last() else { break };
        let heads = batch.iter().map(|entry| Head::from_json(&entry.head).ok());
        let heads: Vec<Option<Head<'_>>> = heads.collect();
        let applied: Vec<Applied<'_>> =
            batch.iter().zip(&heads).map(|(entry, head)| row(entry, head.as_ref())).collect();
        record.apply(&applied, &[], last.position()).map_err(told)?;
        next = last.seq + 1;
    }
    record.checkpoint().map_err(told)
}

fn row<'a>(entry: &journal::Entry, head: Option<&'a Head<'_>>) -> Applied<'a> {
    let key = head.and_then(|head| head.key.as_deref());
    let control_id = head.and_then(|head| head.control_id.as_deref());
    Applied {
        seq: entry.seq,
        at: jiff::Timestamp::from_microsecond(entry.at).unwrap_or_default(),
        head: record::Head {
            channel: head.map_or("", |head| &head.channel),
            key: key.unwrap_or_default(),
            message_type: head.map_or("", |head| &head.message_type),
            control_id: control_id.unwrap_or_default(),
            outcome: head.map_or("", |head| head.answer.code()),
            patient: head.and_then(|head| head.facts.iter().find_map(Fact::patient)),
        },
        facts: &[],
    }
}

/// The bytes of a file, or of all files of a folder.
fn size(path: &Path) -> u64 {
    let length = |path: &Path| path.metadata().map_or(0, |found| found.len());
    match path.read_dir() {
        Ok(files) => files.flatten().map(|file| length(&file.path())).sum(),
        Err(_) => length(path),
    }
}
