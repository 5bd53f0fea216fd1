//! What can go wrong, each with a code and what to do about it.

use std::{io, path::PathBuf};

use rusqlite::{ErrorCode, ffi};

use crate::Broken;

/// Why a journal could not be opened, read or written.
///
/// The text begins with the code (`JRN-01`) and ends with what to do. It never holds anything of
/// an entry, so that it may be logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process, or another part of this one, is the writer.
    #[error(
        "JRN-01: {} is held by another writer; stop the other node, or find it with \
         `lsof` on the file", lock.display()
    )]
    Locked {
        /// The lock file that the other writer holds.
        lock: PathBuf,
    },
    /// The file is something else, or its first page is destroyed.
    #[error(
        "JRN-02: {} is not a journal ({why}); check the configured path, or restore the file \
         from the newest backup", path.display()
    )]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        why: String,
    },
    /// The journal was written by a newer version of this program.
    #[error(
        "JRN-03: the journal has format {found}, this program knows format {known}; use the \
         program version that wrote it, or a newer one"
    )]
    Format {
        /// The format in the file.
        found: i64,
        /// The format this program knows.
        known: i64,
    },
    /// The journal belongs to another site.
    #[error(
        "JRN-04: the journal belongs to site {found:?}, not {expected:?}; correct the configured \
         site or path"
    )]
    Site {
        /// The site in the configuration.
        expected: String,
        /// The site in the file.
        found: String,
    },
    /// The name of the site is empty, too long or holds control characters.
    #[error(
        "JRN-05: {0:?} is no name for a site; use 1 to 200 bytes without control characters, \
         such as the ODS code of the trust"
    )]
    SiteName(String),
    /// An entry does not follow from the one before it: the file was damaged or altered.
    #[error(
        "JRN-06: the journal is broken: {0}; stop, keep the file as evidence, and restore from \
         a backup or a follower"
    )]
    Broken(Box<Broken>),
    /// SQLite finds its own structures damaged.
    #[error(
        "JRN-07: the journal file is damaged ({0}); stop, keep the file as evidence, check the \
         disk, and restore from a backup or a follower"
    )]
    Corrupt(String),
    /// The disk, the quota or the size limit is full. Nothing of the batch is in the journal.
    #[error("JRN-08: the disk is full; free or add space, then start the node again")]
    DiskFull,
    /// The operating system refused a read, a write or a sync.
    #[error(
        "JRN-09: the disk failed ({0}); stop, check the disk and the system log, then start the \
         node again: it verifies the end of the journal"
    )]
    Io(String),
    /// The file or its directory cannot be opened, or may not be written.
    #[error(
        "JRN-10: {} cannot be opened ({why}); check that the directory exists and that the \
         service account may write to it", path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// The answer of the system.
        why: String,
    },
    /// Some other program holds the database for longer than the time-out.
    #[error(
        "JRN-11: another program keeps the journal file busy; end any database shell or backup \
         tool that has it open for writing"
    )]
    Busy,
    /// Another writer has added an entry where this one was about to.
    #[error(
        "JRN-12: another writer has appended to this journal; stop both nodes, and start only \
         the one that is meant to write"
    )]
    Fenced,
    /// An earlier append failed, so that what the disk holds is not known.
    #[error(
        "JRN-13: the journal takes nothing more after the earlier failure; start the node again"
    )]
    Poisoned,
    /// A draft is outside the limits of the journal.
    #[error("JRN-14: the entry is refused: {0}; look at the system that sent it")]
    Refused(&'static str),
    /// Any other answer of SQLite: a fault of this program.
    #[error("JRN-15: the journal's database failed ({0}); report this with the program version")]
    Database(String),
    /// The entry lies in a segment that was moved away or dropped.
    #[error(
        "JRN-16: entry {seq} is in a segment that was moved away or dropped; put the segment's \
         file back into {} to read it", folder.display()
    )]
    Moved {
        /// The entry that was asked for.
        seq: u64,
        /// The folder of the segments.
        folder: PathBuf,
    },
    /// A seal is no seal, or was changed.
    #[error(
        "JRN-17: the seal {} cannot be trusted ({why}); keep it as evidence, and restore it from \
         a backup or from beside the moved segment", path.display()
    )]
    Seal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key that signs seals cannot be used.
    #[error(
        "JRN-18: the key {} cannot be used ({why}); make one with `openssl genpkey -algorithm \
         ed25519 -outform DER`", path.display()
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Work beside the writer was ended because the journal is being closed.
    #[error("JRN-19: the journal is being closed; open it again to go on")]
    Stopped,
}

impl Error {
    /// The code that the text begins with, for the manual and for alerts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "JRN-01",
            Self::NotAJournal { .. } => "JRN-02",
            Self::Format { .. } => "JRN-03",
            Self::Site { .. } => "JRN-04",
            Self::SiteName(_) => "JRN-05",
            Self::Broken(_) => "JRN-06",
            Self::Corrupt(_) => "JRN-07",
            Self::DiskFull => "JRN-08",
            Self::Io(_) => "JRN-09",
            Self::Open { .. } => "JRN-10",
            Self::Busy => "JRN-11",
            Self::Fenced => "JRN-12",
            Self::Poisoned => "JRN-13",
            Self::Refused(_) => "JRN-14",
            Self::Database(_) => "JRN-15",
            Self::Moved { .. } => "JRN-16",
            Self::Seal { .. } => "JRN-17",
            Self::Key { .. } => "JRN-18",
            Self::Stopped => "JRN-19",
        }
    }

    /// The error for a failure of the file system at `path`.
    pub(crate) fn open(path: &std::path::Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull {
            return Self::DiskFull;
        }
        Self::Open { path: path.to_owned(), why: error.to_string() }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        Self::Broken(Box::new(broken))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let Some(failure) = error.sqlite_error() else {
            return Self::Database(error.to_string());
        };
        match failure.code {
            ErrorCode::DiskFull => Self::DiskFull,
            // The shared-memory file is sized by writing to it, which fails on a full disk.
            _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull,
            ErrorCode::SystemIoFailure => Self::Io(error.to_string()),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::Corrupt(error.to_string())
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::ConstraintViolation => Self::Fenced,
            ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                Self::Io(error.to_string())
            }
            _ => Self::Database(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Why;

    #[test]
    fn every_error_begins_with_its_code_and_says_what_to_do() {
        let path = PathBuf::from("journal");
        let errors = [
            Error::Locked { lock: path.clone() },
            Error::NotAJournal { path: path.clone(), why: String::new() },
            Error::Format { found: 2, known: 1 },
            Error::Site { expected: "A".into(), found: "B".into() },
            Error::SiteName(String::new()),
            Broken { seq: 1, why: Why::Altered }.into(),
            Error::Corrupt(String::new()),
            Error::DiskFull,
            Error::Io(String::new()),
            Error::Open { path: path.clone(), why: String::new() },
            Error::Busy,
            Error::Fenced,
            Error::Poisoned,
            Error::Refused(""),
            Error::Database(String::new()),
            Error::Moved { seq: 1, folder: path.clone() },
            Error::Seal { path: path.clone(), why: String::new() },
            Error::Key { path, why: String::new() },
            Error::Stopped,
        ];
        for (index, error) in errors.iter().enumerate() {
            let text = error.to_string();
            assert_eq!(error.code(), format!("JRN-{:02}", index + 1));
            assert!(text.starts_with(&format!("{}: ", error.code())), "{text}");
            assert!(text.contains("; "), "no remedy in: {text}");
        }
    }
}
