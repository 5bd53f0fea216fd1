//! The SQLite file: making it, and opening it for writing or reading.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::Error;
use crate::schema::{APPLICATION_ID, FORMAT_VERSION, PAGE_BYTES, TABLES};

/// How long a call waits for another program that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The writer's page cache, in KiB: the pages that the patients in hospital keep changing.
const WRITER_CACHE_KIB: i64 = 8 * 1024;
/// A reader's page cache, in KiB.
const READER_CACHE_KIB: i64 = 2 * 1024;
/// How much of the file a reader maps instead of copying pages, in bytes. What is mapped and was
/// read counts as the program's memory, for each reader anew, so that a large map looks like a
/// leak; what lies beyond it is read through the cache.
const READER_MAP_BYTES: i64 = 16 * 1024 * 1024;
/// After how many pages in the write-ahead file the writer itself copies them into the main file:
/// 256 MiB. It only happens when [`crate::checkpoint`] cannot keep up.
const CHECKPOINT_PAGES: i64 = 64 * 1024;
/// How long the write-ahead file may stay once all of it is copied, in bytes: more than it grows
/// to while a busy node copies it, because cutting it and growing it again costs each message.
const WAL_KEPT_BYTES: i64 = 192 * 1024 * 1024;
/// More than all statements of one connection, so that none is prepared twice.
const STATEMENTS: usize = 96;

/// Opens the file for writing, and makes it a record of `site` with `genesis` as its position if
/// it is new.
pub(crate) fn open_writer(
    path: &Path,
    site: &str,
    start: journal::Position,
) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| Error::at(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_blank(path, &connection)? {
        create(&mut connection, site, start).map_err(|error| Error::at(path, error))?;
    }
    check(path, &connection, Some(site))?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Open {
            path: path.to_owned(),
            why: "the file system does not allow a write-ahead log".into(),
        });
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = -{WRITER_CACHE_KIB};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {WAL_KEPT_BYTES};
         PRAGMA temp_store = MEMORY;"
    ))?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// Opens the file for checkpoints beside the writer.
pub(crate) fn open_beside(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| Error::at(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}

/// Opens the file for reading only; `mapped` maps it instead of copying pages.
pub(crate) fn open_reader(path: &Path, mapped: bool) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| Error::at(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check(path, &connection, None)?;
    let map = if mapped { READER_MAP_BYTES } else { 0 };
    connection.execute_batch(&format!(
        "PRAGMA query_only = ON;
         PRAGMA cache_size = -{READER_CACHE_KIB};
         PRAGMA mmap_size = {map};
         PRAGMA temp_store = MEMORY;"
    ))?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// Sees to it that a statement is prepared once. Left to itself, SQLite looks at the values that
/// are bound to find a better plan, and prepares many statements anew for each value, which takes
/// several times as long as running them. The plans here depend on no values.
fn keep_prepared(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Whether the file holds nothing at all, as one that SQLite has just made.
fn is_blank(path: &Path, connection: &Connection) -> Result<bool, Error> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| Error::at(path, error))?;
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(tables == 0 && id == 0)
}

fn create(
    connection: &mut Connection,
    site: &str,
    start: journal::Position,
) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES};"))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT INTO meta (key, value) VALUES ('site', ?1)", [site])?;
    transaction.execute(
        "INSERT INTO position (one, seq, hash) VALUES (1, 0, ?1)",
        [start.hash.0.as_slice()],
    )?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT_VERSION};"
    ))?;
    transaction.commit()
}

/// Whether the file is a record of this version, and of `site` where one is expected.
fn check(path: &Path, connection: &Connection, site: Option<&str>) -> Result<(), Error> {
    let foreign = |why: &str| Error::Foreign { path: path.to_owned(), why: why.to_owned() };
    let id: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| Error::at(path, error))?;
    if id != APPLICATION_ID {
        return Err(foreign("another program's SQLite file"));
    }
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found != FORMAT_VERSION {
        return Err(Error::Version { found, known: FORMAT_VERSION });
    }
    let kept: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'site'", [], |row| row.get(0))
        .optional()?;
    match (kept, site) {
        (None, _) => Err(Error::Corrupt("it names no site".into())),
        (Some(found), Some(expected)) if found != expected => {
            Err(Error::Site { expected: expected.to_owned(), found })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn no_statement_is_prepared_for_each_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        drop(crate::Record::open(&path, "RXX").unwrap());
        let connection = open_reader(&path, false).unwrap();
        let sql = "SELECT n FROM message_kind WHERE channel = ?1 AND prefix = ?2 LIMIT 1";
        for n in 0..3 {
            let mut statement = connection.prepare_cached(sql).unwrap();
            let found: Option<i64> =
                statement.query_row(("epma", n), |row| row.get(0)).optional().unwrap();
            assert_eq!(found, None);
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
