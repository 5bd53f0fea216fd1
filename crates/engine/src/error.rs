//! What can go wrong when an engine starts, and how one ends.

/// Why an engine cannot start or go on. Each says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The journal cannot be opened, read or written.
    #[error("the journal: {0}")]
    Journal(String),
    /// The journal's disk is full. What was acknowledged is there; nothing more is acknowledged.
    #[error("the journal's disk is full: make room, then start again; nothing was lost")]
    DiskFull,
    /// An entry lies in a segment of the journal that was moved away or dropped.
    #[error("the journal: {0}")]
    Away(String),
    /// The record cannot be opened, read or written. It can be made again from the journal.
    #[error("the record: {0}")]
    Record(String),
    /// An entry of the journal cannot be understood by this version of the program.
    #[error("entry {seq} of the journal cannot be read: {why}; is this program older than it?")]
    Entry {
        /// The entry.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A fault of the program itself. The journal holds everything that was acknowledged.
    #[error("a fault in the program: {0}; start again, and report it")]
    Fault(String),
}

impl From<journal::Error> for Error {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::DiskFull => Error::DiskFull,
            moved @ journal::Error::Moved { .. } => Error::Away(moved.to_string()),
            other => Error::Journal(other.to_string()),
        }
    }
}

/// The engine does not write any more: the command is not acknowledged, and may or may not be
/// durable. Ask again once the node runs again; the command's key keeps a repeat from counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped writing; nothing is acknowledged")]
pub struct Stopped;
