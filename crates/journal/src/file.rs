//! The SQLite file: creating it, opening it, and telling whether it is a journal at all.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::{Error, genesis};

/// `ILJ1` in SQLite's application id: what tells a journal from any other SQLite file.
pub const APPLICATION_ID: i32 = 0x494C_4A31;
/// The version of the tables and of the byte layout, in SQLite's user version.
pub const FORMAT_VERSION: i64 = 2;
/// The most bytes in the name of a site.
pub const MAX_SITE_BYTES: usize = 200;

/// How long a call waits for another program that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The writer's page cache: the last pages of the tree and the pages of one usual batch.
const CACHE_KIB: i64 = 1024;

/// No `STRICT` and no `WITHOUT ROWID` on `entry`, so that the SQLite of any supported system reads
/// it; the checks give what `STRICT` would. `hash` stands before the long columns, so that it is
/// read without walking their overflow pages.
const SCHEMA: &str = "
CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
);
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY NOT NULL CHECK (seq > 0),
  at INTEGER NOT NULL CHECK (typeof(at) = 'integer'),
  hash BLOB NOT NULL CHECK (typeof(hash) = 'blob' AND length(hash) = 32),
  head BLOB NOT NULL CHECK (typeof(head) = 'blob'),
  raw BLOB NOT NULL CHECK (typeof(raw) = 'blob')
);
CREATE TABLE base (
  one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  hash BLOB NOT NULL CHECK (typeof(hash) = 'blob' AND length(hash) = 32)
);
CREATE TRIGGER base_only_moves_on BEFORE UPDATE ON base WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the base of a journal only moves on'); END;
CREATE TRIGGER base_is_never_deleted BEFORE DELETE ON base
BEGIN SELECT RAISE(ABORT, 'a journal keeps its base'); END;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'a journal entry is never changed'); END;
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
WHEN OLD.seq > (SELECT seq FROM base)
BEGIN SELECT RAISE(ABORT, 'a journal entry is never deleted before it is sealed'); END;
CREATE TRIGGER meta_is_never_changed BEFORE UPDATE ON meta
BEGIN SELECT RAISE(ABORT, 'the journal keeps its site'); END;
CREATE TRIGGER meta_is_never_deleted BEFORE DELETE ON meta
BEGIN SELECT RAISE(ABORT, 'the journal keeps its site'); END;
";

/// How hard a batch is driven to the disk before it counts as appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Every batch is synced: it survives a power cut. The only setting for real use.
    #[default]
    Full,
    /// Nothing is ever synced. Only for experiments that need a control: a power cut loses
    /// entries that were acknowledged and may destroy the file.
    Off,
}

/// How a journal is written. [`Options::default`] is right for every real use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How hard a batch is driven to the disk.
    pub durability: Durability,
    /// The page size of a journal that is created: a power of two from 512 to 65,536 bytes. An
    /// existing journal keeps its own.
    pub page_bytes: u32,
    /// How many bytes are written ahead before they are copied into the main file.
    pub checkpoint_bytes: u64,
    /// The most pages of the main file. An append that needs more fails with
    /// [`Error::DiskFull`]. `None`, the default, leaves the limit to the disk.
    pub max_pages: Option<u32>,
}

/// The figures come from `examples/append_speed.rs` with entries of 4 KiB. Pages of 16 KiB cost a
/// fifth less processor time than pages of 4 KiB, because SQLite pays for each page; pages of
/// 32 KiB save little more and double what a lone entry writes. A thread beside the writer copies,
/// so that a batch waits for the last few pages alone, however much has gathered.
impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            page_bytes: 16 * 1024,
            checkpoint_bytes: 16 * 1024 * 1024,
            max_pages: None,
        }
    }
}

/// Takes the lock that makes this the one writer. It is held as long as the file is open, and the
/// system gives it up when the process dies, whatever way it dies. The lock is on a file beside
/// the journal because SQLite's own locks on the journal file would be lost with the first
/// descriptor of it that is closed.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let lock = beside(path, "-lock");
    let file = options_for_new_files()
        .create(true)
        .truncate(false)
        .open(&lock)
        .map_err(|error| Error::open(&lock, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { lock }),
        Err(TryLockError::Error(error)) => Err(Error::open(&lock, &error)),
    }
}

/// Resolves links, so that two names of one journal share one lock.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, Error> {
    if let Ok(resolved) = fs::canonicalize(path) {
        return Ok(resolved);
    }
    let cannot = |error: io::Error| Error::open(path, &error);
    let name = path.file_name().ok_or_else(|| cannot(io::ErrorKind::InvalidFilename.into()))?;
    Ok(fs::canonicalize(directory(path)).map_err(cannot)?.join(name))
}

/// Opens the file for writing, and makes it a journal of `site` if it is new.
pub(crate) fn open_writer(path: &Path, site: &str, options: &Options) -> Result<Connection, Error> {
    create_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| at_path(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_blank(path, &connection)? {
        create_tables(&mut connection, site, options).map_err(|error| at_path(path, error))?;
        File::open(directory(path))
            .and_then(|directory| directory.sync_all())
            .map_err(|error| Error::open(path, &error))?;
    }
    let found = check_format(path, &connection)?;
    if found != site {
        return Err(Error::Site { expected: site.to_owned(), found });
    }
    tune(&connection, options)?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// Opens the file for checkpoints beside the writer.
pub(crate) fn open_beside(path: &Path, options: &Options) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| at_path(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    tune(&connection, options)?;
    Ok(connection)
}

/// Opens the file for reading and returns it with the site it belongs to.
///
/// On a read-only medium, where SQLite cannot make its shared-memory file, a journal that was
/// closed in order is opened as immutable: nobody can be writing to it there.
pub(crate) fn open_reader(path: &Path) -> Result<(Connection, String), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let metadata = fs::metadata(path).map_err(|error| Error::open(path, &error))?;
    let attempt = |target: &Path| {
        let connection =
            Connection::open_with_flags(target, flags).map_err(|error| at_path(path, error))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let site = check_format(path, &connection)?;
        keep_prepared(&connection)?;
        Ok((connection, site))
    };
    match attempt(path) {
        Err(Error::Open { .. })
            if metadata.is_file()
                && length_of(&beside(path, "-wal")).is_none_or(|wal| wal == 0) =>
        {
            attempt(Path::new(&immutable_uri(path)?))
        }
        answer => answer,
    }
}

/// Copies everything that is written ahead into the main file, syncs that, and empties the
/// write-ahead file.
///
/// Done whenever a writer opens. After a failed sync or a killed process the write-ahead file
/// may hold pages that this system still remembers but that never reached the disk; appending
/// after such a hole would put acknowledged entries where a recovery cannot reach them.
pub(crate) fn settle(connection: &Connection) -> Result<(), Error> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(Error::Busy) }
}

fn tune(connection: &Connection, options: &Options) -> Result<(), Error> {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Off => "OFF",
    };
    // A copy that a backup tool has made may have lost the write-ahead mode.
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Io(format!("the file system offers no write-ahead mode, only {mode}")));
    }
    connection.pragma_update(None, "synchronous", synchronous)?;
    // SQLite's own checkpoints after a commit hide their errors, a failed sync among them, so the
    // writer runs them itself.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// Sees to it that a statement is prepared once: left to itself, SQLite looks at the values that
/// are bound and prepares some statements anew for them. The plans here depend on no values.
fn keep_prepared(connection: &Connection) -> Result<(), Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Makes a folder if it is not there, durably, and not for everybody.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| Error::open(path, &error);
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    match builder.create(path) {
        Ok(()) => File::open(directory(path)).and_then(|above| above.sync_all()).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Makes the file if it is not there, so that it is not readable by everybody: it holds patient
/// data. SQLite gives the files beside it the same mode.
pub(crate) fn create_file(path: &Path) -> Result<(), Error> {
    match options_for_new_files().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::open(path, &error)),
    }
}

fn options_for_new_files() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options
}

/// Whether the file holds nothing yet, so that it may be made a journal.
///
/// An empty main file beside a write-ahead file is no new journal but half of an old one, whose
/// other half SQLite would delete.
fn is_blank(path: &Path, connection: &Connection) -> Result<bool, Error> {
    let wal = beside(path, "-wal");
    if length_of(path) == Some(0) && length_of(&wal).is_some_and(|length| length > 0) {
        return Err(Error::NotAJournal {
            path: path.to_owned(),
            why: format!("it is empty, but {} is not", wal.display()),
        });
    }
    let blank = application_id(connection).and_then(|id| {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(id == 0 && tables == 0)
    });
    blank.map_err(|error| at_path(path, error))
}

fn create_tables(
    connection: &mut Connection,
    site: &str,
    options: &Options,
) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "page_size", options.page_bytes)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES ('format', ?1), ('site', ?2)",
        (FORMAT_VERSION.to_string(), site),
    )?;
    transaction
        .execute("INSERT INTO base (one, seq, hash) VALUES (1, 0, ?1)", [genesis(site).0])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    transaction.commit()
}

/// Tells whether the file is a journal that this program can read, and returns its site.
fn check_format(path: &Path, connection: &Connection) -> Result<String, Error> {
    let foreign = |why: &str| Error::NotAJournal { path: path.to_owned(), why: why.to_owned() };
    let id = application_id(connection).map_err(|error| at_path(path, error))?;
    if id != APPLICATION_ID {
        return Err(foreign("it is another program's SQLite file"));
    }
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found != FORMAT_VERSION {
        return Err(Error::Format { found, known: FORMAT_VERSION });
    }
    connection
        .query_row("SELECT value FROM meta WHERE key = 'site'", [], |row| row.get(0))
        .optional()
        .map_err(|error| at_path(path, error))?
        .ok_or_else(|| foreign("it does not name its site"))
}

fn application_id(connection: &Connection) -> Result<i32, rusqlite::Error> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// The error for an answer of SQLite while the file is being opened.
pub(crate) fn at_path(path: &Path, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error().map(|failure| failure.code);
    match code {
        Some(ErrorCode::NotADatabase) => {
            Error::NotAJournal { path: path.to_owned(), why: "it is no SQLite file".to_owned() }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Error::Open { path: path.to_owned(), why: error.to_string() }
        }
        _ => error.into(),
    }
}

/// The path of a file that SQLite or the lock keeps beside the journal.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn length_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// The path as a SQLite URI that promises that nobody writes to the file.
pub(crate) fn immutable_uri(path: &Path) -> Result<String, Error> {
    let path = resolve(path)?;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("a String takes any text"),
        }
    }
    uri.push_str("?immutable=1");
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_journal_is_readable_as_immutable() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ward 7 %41?.journal");
        drop(open_writer(&path, "RXX", &Options::default()).unwrap());
        let uri = immutable_uri(&path).unwrap();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(&uri, flags).unwrap();
        assert_eq!(check_format(&path, &connection).unwrap(), "RXX");
    }

    #[test]
    fn a_bare_file_name_lies_in_the_current_directory() {
        assert_eq!(directory(Path::new("journal")), Path::new("."));
        assert_eq!(directory(Path::new("a/journal")), Path::new("a"));
    }
}
