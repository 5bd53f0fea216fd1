//! From the files to a running state: the record is brought up to the journal.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use journal::{Entry, Journal, Position};
use medicines::{Head, State};
use record::{ColdReader, Record};

use crate::base;
use crate::error::Error;
use crate::handle::Options;
use crate::keeping::{Keeping, Kept};
use crate::messages;
use crate::recorder::{Written, apply};

/// The most entries that are applied to the record in one transaction while it catches up.
const CATCH_UP_ENTRIES: usize = 2_000;

/// Everything that the engine's threads need.
pub(crate) struct Recovered {
    pub(crate) journal: Journal,
    pub(crate) record: Record,
    pub(crate) state: State,
    pub(crate) last_at: Timestamp,
    /// By what it is decided anew what stays readable.
    pub(crate) kept: Kept,
}

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many entries were folded.
    pub entries: u64,
    /// The position that the record has now.
    pub position: Position,
}

/// Opens both files and folds what the record does not hold yet.
pub(crate) fn recover(options: &Options, keeping: &Keeping) -> Result<Recovered, Error> {
    let journal_options =
        journal::Options { durability: options.durability, ..journal::Options::default() };
    let mut journal = Journal::open(&options.journal, &options.site.code, journal_options)?;
    let record = open_record(&options.record, &options.journal, &journal)?;
    let (record, state, last_at) = catch_up(record, &journal.reader()?, &options.journal)?;
    let keep = keeping.keep(&options.site, options.clock);
    let keep = keep.sparing(&options.record, &options.journal);
    let kept = keep.kept();
    // A disk that is full or failing stops the engine by its own writes; the sealing only ends.
    let told = |error: &journal::Error| tracing::error!(%error, "segments are not sealed any more");
    journal.seal_beside(keeping.sealing.clone(), Some(Box::new(keep)), told)?;
    Ok(Recovered { journal, record, state, last_at, kept })
}

/// Makes the record anew from the journal alone. The node must not run.
pub fn rebuild(journal: &Path, record: &Path) -> Result<Rebuilt, Error> {
    let entries = journal::Reader::open(journal)?;
    remove(record)?;
    let opened = begin(&entries, journal, record)?;
    let (opened, _, _) = catch_up(opened, &entries, journal)?;
    opened.checkpoint().map_err(record_error)?;
    let position = opened.position().map_err(record_error)?;
    drop(opened);
    messages::rebuild(journal, record)?;
    Ok(Rebuilt { entries: position.seq, position })
}

/// Opens the record. One that is damaged, of another version, or not of this journal is made
/// anew: it holds nothing that the journal and its base do not.
fn open_record(path: &Path, file: &Path, journal: &Journal) -> Result<Record, Error> {
    let entries = journal.reader()?;
    match Record::open(path, entries.site()) {
        Ok(record) => {
            let position = record.position().map_err(record_error)?;
            if entries.position_at(position.seq)? == Some(position) {
                return Ok(record);
            }
            tracing::warn!("the record is not of this journal; it is made anew");
        }
        Err(error) if error.is_cured_by_rebuild() => {
            tracing::warn!(%error, "the record cannot be used; it is made anew");
        }
        Err(error) => return Err(record_error(error)),
    }
    remove(path)?;
    begin(&entries, file, path)
}

/// An empty record, or the newest base where the journal's oldest entries are not here.
fn begin(entries: &journal::Reader, journal: &Path, record: &Path) -> Result<Record, Error> {
    match entries.get(1) {
        Ok(_) => {}
        Err(journal::Error::Moved { .. }) => base::restore(entries, journal, record)?,
        Err(error) => return Err(error.into()),
    }
    Record::open(record, entries.site()).map_err(record_error)
}

fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(Path::new(&name)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::Record(error.to_string())),
        }
    }
    Ok(())
}

fn catch_up(
    mut record: Record,
    entries: &journal::Reader,
    journal: &Path,
) -> Result<(Record, State, Timestamp), Error> {
    let cold = ColdReader::open(record.path(), journal).map_err(record_error)?;
    let mut state = State::new(Box::new(cold));
    let mut unreadable = None;
    let position = record
        .load_live(|row| {
            if unreadable.is_none() {
                unreadable = state.load(&row).err();
            }
        })
        .map_err(record_error)?;
    if let Some(error) = unreadable {
        return Err(Error::Record(error.to_string()));
    }
    state.loaded(position.seq);
    let mut last_at = match entries.get(position.seq) {
        Ok(Some(entry)) => time(&entry)?,
        // What comes next is not before it.
        Ok(None) | Err(journal::Error::Moved { .. }) => Timestamp::UNIX_EPOCH,
        Err(error) => return Err(error.into()),
    };
    let mut next = position.seq + 1;
    loop {
        let batch = entries.read_from(next, CATCH_UP_ENTRIES)?;
        let Some(last) = batch.last() else { break };
        let tip = Position { seq: last.seq, hash: last.hash };
        let written = batch.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        for entry in &written {
            state.fold(entry.seq, entry.facts());
            last_at = last_at.max(entry.at);
        }
        let rows = state.take_changed();
        apply(&mut record, &written, &rows, tip)?;
        state.settled(tip.seq);
        next = tip.seq + 1;
    }
    Ok((record, state, last_at))
}

fn read(entry: &Entry) -> Result<Written, Error> {
    let unreadable = |why: String| Error::Entry { seq: entry.seq, why };
    let head = Head::from_json(&entry.head).map_err(|error| unreadable(error.to_string()))?;
    Ok(Written { seq: entry.seq, at: time(entry)?, head, decided: None })
}

fn time(entry: &Entry) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(entry.at)
        .map_err(|error| Error::Entry { seq: entry.seq, why: error.to_string() })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn record_error(error: record::Error) -> Error {
    Error::Record(error.to_string())
}
