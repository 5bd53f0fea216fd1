//! Bases: snapshots of the record from which it can be made again when the journal's oldest
//! segments are gone.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use journal::{Hash, Position, Reader, Seal, SigningKey, folder_of, publish};
use record::Record;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Makes a base of the record as it is, in the folder of the journal's segments: the snapshot,
/// and a seal with its position and the digest of its dump. Returns the position. The record may
/// be in use.
///
/// The snapshot is durable before its seal, and a base counts only with its seal.
pub fn make_base(
    journal: &Path,
    record: &Path,
    key: Option<&SigningKey>,
) -> Result<Position, Error> {
    let reader = Reader::open(journal)?;
    let folder = folder_of(journal);
    fs::create_dir_all(&folder).map_err(|error| file_error(&folder, &error))?;
    let part = folder.join("base.part");
    remove(&part)?;
    record::snapshot(record, &part).map_err(|error| Error::Record(error.to_string()))?;
    let (position, digest) = describe(&part, reader.site())?;
    publish(&part, &snapshot_path(journal, position.seq))?;
    let mut seal = Seal {
        site: reader.site().to_owned(),
        from: Position { seq: 0, hash: journal::genesis(reader.site()) },
        to: position,
        first_at: 0,
        last_at: 0,
        record: Some(digest),
        signature: None,
    };
    seal.write(&seal_path(journal, position.seq), key)?;
    Ok(position)
}

/// The newest base of a journal, if it has one.
pub fn newest_base(journal: &Path) -> Result<Option<Seal>, Error> {
    let folder = folder_of(journal);
    let names = match fs::read_dir(&folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(&folder, &error)),
    };
    let mut newest = None;
    for name in names {
        let name = name.map_err(|error| file_error(&folder, &error))?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix("base-")?.strip_suffix(".seal"));
        if let Some(seq) = number.and_then(|number| number.parse::<u64>().ok())
            && snapshot_path(journal, seq).exists()
        {
            newest = newest.max(Some(seq));
        }
    }
    Ok(newest.map(|seq| Seal::read(&seal_path(journal, seq))).transpose()?)
}

/// Puts the newest base in the place of the record. Its dump must be the one that was sealed, and
/// its position one of this journal.
pub(crate) fn restore(entries: &Reader, journal: &Path, record: &Path) -> Result<(), Error> {
    let unusable = |why: &str| Error::Record(format!("the newest base cannot be used: {why}"));
    let Some(seal) = newest_base(journal)? else {
        return Err(Error::Record(
            "the journal's oldest segments are not here, and no base either; put the segments \
             back, or restore the record from a backup"
                .to_owned(),
        ));
    };
    let same = match entries.position_at(seal.to.seq) {
        Ok(known) => known == Some(seal.to),
        // What follows on it will have to fit.
        Err(journal::Error::Moved { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    if seal.site != entries.site() || !same {
        return Err(unusable("it is of another journal"));
    }
    let part = folder_of(journal).join("restored.part");
    remove(&part)?;
    let snapshot = snapshot_path(journal, seal.to.seq);
    fs::copy(&snapshot, &part).map_err(|error| file_error(&snapshot, &error))?;
    let (position, digest) = describe(&part, entries.site())?;
    if position != seal.to || Some(digest) != seal.record {
        return Err(unusable("it is not what was sealed; restore it from a backup"));
    }
    publish(&part, record)?;
    Ok(())
}

/// The position of a record that nobody uses, and SHA-256 over its dump.
fn describe(path: &Path, site: &str) -> Result<(Position, Hash), Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Record(error.to_string());
    let record = Record::open(path, site).map_err(|error| wrong(&error))?;
    let mut digest = Digesting(Sha256::new());
    record.dump(&mut digest).map_err(|error| wrong(&error))?;
    let position = record.position().map_err(|error| wrong(&error))?;
    Ok((position, Hash(digest.0.finalize().into())))
}

struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn snapshot_path(journal: &Path, seq: u64) -> PathBuf {
    folder_of(journal).join(format!("base-{seq:012}.record"))
}

fn seal_path(journal: &Path, seq: u64) -> PathBuf {
    folder_of(journal).join(format!("base-{seq:012}.seal"))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path, &error)),
        _ => Ok(()),
    }
}

fn file_error(path: &Path, error: &io::Error) -> Error {
    Error::Record(format!("{}: {error}", path.display()))
}
