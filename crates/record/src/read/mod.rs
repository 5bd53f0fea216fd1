//! The readers: typed queries, one file for each subject.

mod accesses;
mod cases;
mod cold;
mod deliveries;
mod hands;
mod history;
mod messages;
mod orders;
mod pool;
mod printed;
mod recalls;
mod registers;
mod resources;
mod search;
mod shelves;
mod stock;
mod subscriptions;
mod wards;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::Position;
use rusqlite::{Connection, Transaction};

pub use accesses::{
    AccessPage, AccessPlace, AccessSearch, AccessView, MAX_ACCESS_READS, MAX_ACCESSES,
    MAX_SAME_PERSON,
};
pub use cases::{CaseCount, CaseView, MAX_CASES};
pub use cold::ColdReader;
pub use deliveries::{DeliveryView, MAX_DELIVERIES, MAX_QUEUE_SCAN, Queue};
pub use hands::MAX_OPEN;
pub use history::{History, HistorySearch, MAX_HISTORY, Place};
pub use messages::{MAX_MESSAGES, MessageView};
pub use pool::{Lease, MAX_IDLE_READERS, Readers};
pub use printed::{Printed, place_words};
pub use recalls::Held;
pub use registers::{MAX_ENTRIES, MAX_OCCURRENCES, RegisterPage, RegisterSlice, RegisterWindow};
pub use resources::{DeletedView, Everything, MAX_EVERYTHING, MAX_LATEST, Revision};
pub use search::{
    Budget, Compartment, GoOn, MAX_CANDIDATES, MAX_INCLUDED, MAX_LAST, MAX_READS, MAX_SEARCH_TIME,
    Page, Portion, Road, Snapshot, Whose, types_of_patients,
};
pub use shelves::{MAX_PAGES, MAX_PLACES};
pub use stock::{MAX_SCAN, MAX_TRANSFERS, PocketView, Tally, TransferView};
pub use wards::{OrderCount, Ward};

use crate::body::{Bodies, Dictionaries};
use crate::{Error, file, writer};

/// Reads a record, also while it is written. Open one for each thread, or lease one of
/// [`Readers`].
///
/// Every method sees one position of the journal. What it returns is limited by a constant that
/// its description names; a greater `limit` is cut to it.
#[derive(Debug)]
pub struct Reader {
    pub(crate) connection: Connection,
    pub(crate) journal: PathBuf,
    pub(crate) bodies: Bodies,
}

impl Reader {
    /// Opens the record at `path` for reading. It has to exist: [`crate::Record::open`] makes it.
    /// `journal` is the journal of which it is a fold; older versions are read from there.
    pub fn open(path: &Path, journal: &Path) -> Result<Self, Error> {
        Self::sharing(path, journal, Arc::default())
    }

    /// The same, with dictionaries that others share.
    fn sharing(
        path: &Path,
        journal: &Path,
        dictionaries: Arc<Dictionaries>,
    ) -> Result<Self, Error> {
        let connection = file::open_reader(path, true)?;
        let bodies = Bodies::sharing(dictionaries);
        Ok(Self { connection, journal: journal.to_owned(), bodies })
    }

    /// The same for the thread that reads a little after every batch. SQLite gives a map up with
    /// each new state of the record, and making it again costs more than copying a few pages.
    pub fn beside_writer(path: &Path, journal: &Path) -> Result<Self, Error> {
        let connection = file::open_reader(path, false)?;
        Ok(Self { connection, journal: journal.to_owned(), bodies: Bodies::default() })
    }

    /// The position of the last entry that the record holds.
    pub fn position(&self) -> Result<Position, Error> {
        writer::position(&self.connection)
    }

    /// One state of the record for several queries. It is short-lived: while it lives, the
    /// write-ahead file cannot start anew.
    fn snapshot(&self) -> Result<Transaction<'_>, Error> {
        Ok(self.connection.unchecked_transaction()?)
    }
}

/// A limit as SQLite takes it, cut to the most that a query gives.
pub(crate) fn limited(limit: usize, most: usize) -> i64 {
    i64::try_from(limit.min(most)).unwrap_or(i64::MAX)
}
