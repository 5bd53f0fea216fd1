//! The file of a segment: a SQLite database of blocks that is written once and then only read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::block::Block;
use crate::{Broken, Error, FORMAT_VERSION, Hash, Position, Why, chain::clamp, file};

/// `ILJS` in SQLite's application id: what tells a segment from any other SQLite file.
pub const SEGMENT_APPLICATION_ID: i32 = 0x494C_4A53;
/// After how many blocks what is written so far is sent to the disk, so that the last sync is
/// short and holds nobody else's up: about 1 MiB.
const BLOCKS_A_SYNC: u64 = 48;
/// A reader's page cache; a block is read once.
const CACHE_KIB: i64 = 256;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE block (
  first INTEGER PRIMARY KEY NOT NULL CHECK (first > 0),
  last INTEGER NOT NULL CHECK (last >= first),
  before BLOB NOT NULL CHECK (length(before) = 32),
  tip BLOB NOT NULL CHECK (length(tip) = 32),
  items BLOB NOT NULL,
  heads BLOB NOT NULL,
  raws BLOB NOT NULL
);
";

/// A segment that is being written under a name of its own, which only [`Writer::finish`] gives
/// its right name.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    part: PathBuf,
    blocks: u64,
    tip: Option<Hash>,
}

impl Writer {
    /// Begins the file `part`, in place of one that an earlier process did not finish.
    pub(crate) fn create(part: PathBuf, site: &str) -> Result<Self, Error> {
        remove(&part)?;
        file::create_file(&part)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&part, flags)?;
        // Nobody sees the file before it is whole and synced, so that it needs no journal.
        connection.execute_batch(&format!(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             PRAGMA locking_mode = EXCLUSIVE; PRAGMA application_id = {SEGMENT_APPLICATION_ID};
             PRAGMA user_version = {FORMAT_VERSION}; {SCHEMA}"
        ))?;
        connection.execute(
            "INSERT INTO meta (key, value) VALUES ('format', ?1), ('site', ?2)",
            (FORMAT_VERSION.to_string(), site),
        )?;
        Ok(Self { connection, part, blocks: 0, tip: None })
    }

    /// Adds a block that follows on the last.
    pub(crate) fn add(&mut self, block: &Block) -> Result<(), Error> {
        const INSERT: &str = "INSERT INTO block (first, last, before, tip, items, heads, raws) \
                              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(INSERT)?.execute((
            clamp(block.before.seq.saturating_add(1)),
            clamp(block.tip.seq),
            &block.before.hash.0,
            &block.tip.hash.0,
            &block.items,
            &block.heads,
            &block.raws,
        ))?;
        self.tip = Some(block.tip.hash);
        self.blocks += 1;
        if self.blocks.is_multiple_of(BLOCKS_A_SYNC) {
            self.sync()?;
        }
        Ok(())
    }

    /// The hash of the last entry that was added.
    pub(crate) fn tip(&self) -> Option<Hash> {
        self.tip
    }

    fn sync(&self) -> Result<(), Error> {
        File::open(&self.part)
            .and_then(|file| file.sync_all())
            .map_err(|error| Error::open(&self.part, &error))
    }

    /// Makes the file durable under its own name; what had that name is replaced.
    pub(crate) fn finish(self, path: &Path) -> Result<(), Error> {
        let Self { connection, part, .. } = self;
        connection.close().map_err(|(_, error)| error)?;
        publish(&part, path)
    }
}

/// Gives a file that is written its right name so that a power cut leaves the whole file or none:
/// sync, rename, sync the folder.
pub fn publish(part: &Path, path: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::open(path, &error);
    File::open(part).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(part, path).map_err(failed)?;
    sync_folder(path)
}

/// Makes it durable that a file in this folder has come or gone.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(file::directory(path))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::open(path, &error))
}

/// Removes a file if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::open(path, &error))
        }
        _ => Ok(()),
    }
}

/// A segment that is read.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    pub(crate) site: String,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let foreign = |why: &str| Error::NotAJournal { path: path.to_owned(), why: why.to_owned() };
        fs::metadata(path).map_err(|error| Error::open(path, &error))?;
        // Nothing ever changes in it, so that nothing need be locked, even on a read-only medium.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(file::immutable_uri(path)?, flags)?;
        let id: i32 = connection
            .query_row("PRAGMA application_id", [], |row| row.get(0))
            .map_err(|error| file::at_path(path, error))?;
        if id != SEGMENT_APPLICATION_ID {
            return Err(foreign("it is no segment"));
        }
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found != FORMAT_VERSION {
            return Err(Error::Format { found, known: FORMAT_VERSION });
        }
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let site = connection
            .query_row("SELECT value FROM meta WHERE key = 'site'", [], |row| row.get(0))
            .optional()?
            .ok_or_else(|| foreign("it does not name its site"))?;
        Ok(Self { connection, site })
    }

    /// The block that holds entry `seq`; the first one after it where none does.
    pub(crate) fn block(&self, seq: u64) -> Result<Option<Block>, Error> {
        const BLOCK: &str = "SELECT first, last, before, tip, items, heads, raws FROM block \
                             WHERE last >= ?1 ORDER BY first LIMIT 1";
        const LIKELY: &str = "SELECT first, last, before, tip, items, heads, raws FROM block \
                              WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
        let read = |sql: &str| {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([clamp(seq)])?;
            rows.next()?.map(|row| block_of(row, seq)).transpose()
        };
        match read(LIKELY)? {
            Some(block) if block.tip.seq >= seq => Ok(Some(block)),
            _ => read(BLOCK),
        }
    }
}

fn block_of(row: &Row<'_>, seq: u64) -> Result<Block, Error> {
    let misshapen = || Error::from(Broken { seq, why: Why::Misshapen });
    let number = |column| {
        let value = row.get_ref(column).ok()?.as_i64().ok()?;
        u64::try_from(value).ok()
    };
    let bytes = |column| row.get_ref(column).ok()?.as_blob().ok();
    let hash = |column| bytes(column)?.try_into().ok().map(Hash);
    let read = || {
        let before = Position { seq: number(0)?.checked_sub(1)?, hash: hash(2)? };
        let tip = Position { seq: number(1)?, hash: hash(3)? };
        let (items, heads, raws) = (bytes(4)?.into(), bytes(5)?.into(), bytes(6)?.into());
        Some(Block { before, tip, items, heads, raws })
    };
    read().ok_or_else(misshapen)
}
