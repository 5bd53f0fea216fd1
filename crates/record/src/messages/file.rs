//! The index's own file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use journal::{Hash, Position, genesis};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::Error;
use crate::code::{integer, natural};

/// `ILM1` in SQLite's application id.
const APPLICATION_ID: i32 = 0x494C_4D31;
/// The version of the tables, the blocks and the terms. A file of another version is made anew.
const FORMAT_VERSION: i64 = 2;
const PAGE_BYTES: u32 = 4096;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection's page cache, in KiB.
const CACHE_KIB: i64 = 2 * 1024;
/// After how many pages the write-ahead file is copied: a few segments.
const CHECKPOINT_PAGES: i64 = 4 * 1024;
/// The most connections that are kept while nobody searches.
const MAX_IDLE: usize = 8;

/// A block's key is its segment and its first term, so that the rowid alone finds it.
const TABLES: &str = "
CREATE TABLE position (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  site TEXT NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
);
CREATE TABLE block (
  key INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);
";

/// Opens the file for writing, and makes it where there is none. One that is of another version,
/// another site or another journal is made anew, since it holds nothing that the journal does not.
pub(super) fn open_writer(path: &Path, entries: &journal::Reader) -> Result<Connection, Error> {
    if let Some(connection) = open_known(path, entries)? {
        return Ok(connection);
    }
    remove(path)?;
    let connection = connect(path, true)?;
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES};"))?;
    prepare_writer(&connection)?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    let site = entries.site();
    transaction.execute(
        "INSERT INTO position (one, site, seq, hash) VALUES (1, ?1, 0, ?2)",
        (site, genesis(site).0.as_slice()),
    )?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT_VERSION};"
    ))?;
    transaction.commit()?;
    Ok(connection)
}

fn open_known(path: &Path, entries: &journal::Reader) -> Result<Option<Connection>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let known = connect(path, true).and_then(|connection| {
        let known = is_known(&connection)?;
        let at = if known { Some(position(&connection)?) } else { None };
        Ok(at.map(|at| (connection, at)))
    });
    let (connection, at) = match known {
        Ok(Some(known)) => known,
        Ok(None) => return Ok(None),
        Err(error) if error.is_cured_by_rebuild() => return Ok(None),
        Err(error) => return Err(error),
    };
    let belongs = match at.seq {
        0 => at.hash == genesis(entries.site()),
        seq => entries.get(seq)?.is_some_and(|entry| entry.hash == at.hash),
    };
    if !belongs {
        return Ok(None);
    }
    prepare_writer(&connection)?;
    Ok(Some(connection))
}

fn prepare_writer(connection: &Connection) -> Result<(), Error> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Io("the file system does not allow a write-ahead log".to_owned()));
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
    ))?;
    Ok(())
}

/// Opens the file for searching.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path, false)?;
    if !is_known(&connection)? {
        return Err(Error::Foreign {
            path: path.to_owned(),
            why: "no message index of this version".to_owned(),
        });
    }
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn connect(path: &Path, write: bool) -> Result<Connection, Error> {
    let how = if write {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| Error::at(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_KIB};"))?;
    Ok(connection)
}

fn is_known(connection: &Connection) -> Result<bool, Error> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(id == APPLICATION_ID && version == FORMAT_VERSION)
}

/// Takes the file away, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(Path::new(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Io(error.to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Up to which entry the file holds whole segments.
pub(super) fn position(connection: &Connection) -> Result<Position, Error> {
    let row = connection.query_row("SELECT seq, hash FROM position", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?))
    });
    let (seq, hash) = row.optional()?.ok_or_else(|| Error::Corrupt("it has no position".into()))?;
    Ok(Position { seq: natural(seq), hash: Hash(hash) })
}

/// Writes a segment that ends at `tip`. `blocks` gives its blocks, each with its key, to what it is
/// called with.
pub(super) fn write_segment(
    connection: &Connection,
    tip: Position,
    blocks: impl FnOnce(&mut dyn FnMut(i64, &[u8]) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut insert = transaction
            .prepare_cached("INSERT OR REPLACE INTO block (key, body) VALUES (?1, ?2)")?;
        blocks(&mut |key, body| Ok(insert.execute((key, body)).map(drop)?))?;
    }
    transaction.execute(
        "UPDATE position SET seq = ?1, hash = ?2",
        (integer(tip.seq), tip.hash.0.as_slice()),
    )?;
    Ok(transaction.commit()?)
}

/// Connections of searches.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(path: &Path) -> Self {
        Pool { path: path.to_owned(), idle: Mutex::default() }
    }

    /// Runs a search on a connection that nobody else uses.
    pub(super) fn with<T>(
        &self,
        search: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let found = search(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(found)
    }
}
