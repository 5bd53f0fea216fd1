//! What can go wrong, each with a code and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use crate::Road;

/// Why a record could not be opened, written or read.
///
/// The text begins with the code (`REC-01`) and ends with what to do. It never holds anything of
/// an entry or a resource, so that it may be logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its directory cannot be opened, or may not be written.
    #[error(
        "REC-01: {} cannot be opened ({why}); check that the directory exists and that the \
         service account may write to it", path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// The answer of the system.
        why: String,
    },
    /// The file is something else than a record.
    #[error(
        "REC-02: {} is not a record ({why}); check the configured path; if it is the right one, \
         delete the file: it is rebuilt from the journal", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        why: String,
    },
    /// The record was written by another version of this program.
    #[error(
        "REC-03: the record has format {found}, this program writes format {known}; delete the \
         file: it is rebuilt from the journal"
    )]
    Version {
        /// The format in the file.
        found: i64,
        /// The format this program knows.
        known: i64,
    },
    /// The record belongs to another site.
    #[error(
        "REC-04: the record belongs to site {found:?}, not {expected:?}; correct the configured \
         site or path; if both are right, delete the file: it is rebuilt from the journal"
    )]
    Site {
        /// The site in the configuration.
        expected: String,
        /// The site in the file.
        found: String,
    },
    /// The file is damaged, or holds what this program never writes.
    #[error(
        "REC-05: the record is damaged ({0}); check the disk, then delete the file: it is \
         rebuilt from the journal"
    )]
    Corrupt(String),
    /// The disk or the quota is full. Nothing of the batch is in the record.
    #[error("REC-06: the disk is full; free or add space, then start the node again")]
    DiskFull,
    /// The operating system refused a read, a write or a sync.
    #[error("REC-07: the disk failed ({0}); check the disk and the system log, then start again")]
    Io(String),
    /// Some other program holds the database for longer than the time-out.
    #[error(
        "REC-08: another program keeps the record busy; end any database shell or backup tool \
         that has it open for writing"
    )]
    Busy,
    /// The batch does not begin where the record ends, or has a gap.
    #[error(
        "REC-09: the record ends at entry {position} and was given entry {found} next; start the \
         node again: it reads what is missing from the journal"
    )]
    Gap {
        /// The number of the last entry before the one that was refused.
        position: u64,
        /// The number of the entry that was refused.
        found: u64,
    },
    /// The record is behind what was answered for too long, or its writer has ended.
    #[error(
        "REC-15: the record is at entry {position} and was to be at {promised}; look at the load \
         of the disk, or start the node again if it has stopped"
    )]
    Behind {
        /// The number of the last entry that the record holds.
        position: u64,
        /// The number of the entry that somebody was told is kept.
        promised: u64,
    },
    /// A fact or a stored text cannot be written or read as JSON: a fault of this program.
    #[error("REC-10: a {what} cannot be kept as JSON; report this with the program version")]
    Json {
        /// What it is.
        what: &'static str,
    },
    /// The journal, from which an older version is read, could not be read.
    #[error("REC-11: an older version could not be read: {0}")]
    Journal(#[from] journal::Error),
    /// A page token is none that this program made.
    #[error("REC-12: the page token is not valid; ask for the first page again")]
    Cursor,
    /// A search would cost more than one may.
    #[error("REC-13: the search is too costly; {road}")]
    TooCostly {
        /// On what it would spend too much; its text says what to narrow.
        road: Road,
    },
    /// A search names a value set whose codes are not known.
    #[error(
        "REC-16: a value set of the search is not here, or its codes are not listed or too many; \
         store it with its codes"
    )]
    ValueSet,
    /// Any other answer of SQLite: a fault of this program.
    #[error("REC-14: the record's database failed ({0}); report this with the program version")]
    Database(String),
}

impl Error {
    /// Whether what was asked for is in a segment of the journal that has left this node.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Journal(journal::Error::Moved { .. }))
    }

    /// The code that the text begins with, for the manual and for alerts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "REC-01",
            Self::Foreign { .. } => "REC-02",
            Self::Version { .. } => "REC-03",
            Self::Site { .. } => "REC-04",
            Self::Corrupt(_) => "REC-05",
            Self::DiskFull => "REC-06",
            Self::Io(_) => "REC-07",
            Self::Busy => "REC-08",
            Self::Gap { .. } => "REC-09",
            Self::Json { .. } => "REC-10",
            Self::Journal(_) => "REC-11",
            Self::Cursor => "REC-12",
            Self::TooCostly { .. } => "REC-13",
            Self::Database(_) => "REC-14",
            Self::Behind { .. } => "REC-15",
            Self::ValueSet => "REC-16",
        }
    }

    /// Whether a program may delete the file and rebuild it from the journal by itself. A file
    /// that is something else, or of another site, it must leave to a person: the configured path
    /// may be wrong.
    pub fn is_cured_by_rebuild(&self) -> bool {
        matches!(self, Self::Version { .. } | Self::Corrupt(_))
    }

    /// The error of SQLite while it opens `path`.
    pub(crate) fn at(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Open { path: path.to_owned(), why: error.to_string() }
            }
            Some(ErrorCode::NotADatabase) => {
                Self::Foreign { path: path.to_owned(), why: "no SQLite file".into() }
            }
            _ => error.into(),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let Some(failure) = error.sqlite_error() else {
            // A column of another type than this program writes.
            return match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Corrupt("a column's type".into()),
                other => Self::Database(other.to_string()),
            };
        };
        match failure.code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::Corrupt(ffi::code_to_str(failure.extended_code).to_owned())
            }
            ErrorCode::SystemIoFailure => {
                Self::Io(ffi::code_to_str(failure.extended_code).to_owned())
            }
            _ => Self::Database(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_code_and_a_remedy() {
        let errors = [
            Error::Open { path: "r".into(), why: String::new() },
            Error::Foreign { path: "r".into(), why: String::new() },
            Error::Version { found: 2, known: 1 },
            Error::Site { expected: "A".into(), found: "B".into() },
            Error::Corrupt(String::new()),
            Error::DiskFull,
            Error::Io(String::new()),
            Error::Busy,
            Error::Gap { position: 1, found: 3 },
            Error::Json { what: "fact" },
            Error::Journal(journal::Error::DiskFull),
            Error::Cursor,
            Error::TooCostly { road: Road::Has },
            Error::Database(String::new()),
            Error::Behind { position: 1, promised: 3 },
            Error::ValueSet,
        ];
        for (index, error) in errors.iter().enumerate() {
            let text = error.to_string();
            assert_eq!(error.code(), format!("REC-{:02}", index + 1));
            assert!(text.starts_with(&format!("{}: ", error.code())), "{text}");
            assert!(text.contains("; "), "no remedy in: {text}");
        }
    }
}
