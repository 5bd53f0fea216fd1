//! The rows and resources that the live state has let go.

use std::cell::Cell;
use std::path::Path;
use std::sync::OnceLock;

use fhir::{Id, ResourceType, StoredResource};
use fhir_search::SearchRequest;
use medicines::stock::Transfer;
use medicines::{Cold, RowKind};
use rusqlite::OptionalExtension;

use super::Reader;
use crate::Error;

/// A reader in the form that the domain asks.
///
/// The domain must not decide on less than what is known, so an answer that cannot be read ends
/// the thread with the error instead of looking like nothing. The engine that owns the thread
/// then stops; after the cure of the error it starts again where the journal ends.
#[derive(Debug)]
pub struct ColdReader {
    reader: Reader,
    failure: OnceLock<String>,
    /// Whether one state of the record is held, so that not every answer has to find the newest
    /// one: it is held from the first answer of a batch until the batch is decided. What the
    /// record gets meanwhile is in the domain's memory.
    held: Cell<bool>,
}

impl ColdReader {
    /// Opens the record at `path`, which is a fold of the journal at `journal`.
    pub fn open(path: &Path, journal: &Path) -> Result<Self, Error> {
        Ok(Self::from(Reader::beside_writer(path, journal)?))
    }
}

impl From<Reader> for ColdReader {
    fn from(reader: Reader) -> Self {
        Self { reader, failure: OnceLock::new(), held: Cell::new(false) }
    }
}

impl Reader {
    /// The body of a row of the live state, live or not.
    pub fn row(&self, kind: RowKind, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM state WHERE kind = ?1 AND key = ?2")?;
        Ok(statement.query_row((kind.number(), key), |row| row.get(0)).optional()?)
    }

    fn run(&self, statement: &str) -> Result<(), Error> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

impl Cold for ColdReader {
    fn row(&self, kind: RowKind, key: &str) -> Option<Vec<u8>> {
        self.hold();
        self.known(self.reader.row(kind, key))
    }

    fn resource(&self, resource_type: ResourceType, id: &Id) -> Option<StoredResource> {
        self.hold();
        self.known(self.reader.read(resource_type, id))
    }

    fn deleted(&self, resource_type: ResourceType, id: &Id) -> Option<u64> {
        self.hold();
        self.known(self.reader.deleted(resource_type, id)).map(|deleted| deleted.version)
    }

    fn matching(&self, search: &SearchRequest) -> Option<Vec<Id>> {
        self.rest();
        let two = search.for_condition();
        let page = match self.reader.search(&two) {
            // It is the search that is at fault, not the record.
            Err(Error::TooCostly { .. } | Error::ValueSet) => return None,
            page => self.known(page),
        };
        // A page that ended before it was full does not say that there are no more.
        if page.resources.len() < 2 && page.next.is_some() {
            return None;
        }
        Some(page.resources.into_iter().map(|found| found.id).collect())
    }

    fn resources_of(&self, patient: &Id) -> Vec<StoredResource> {
        // This answer alone has to hold all that was folded.
        self.rest();
        self.known(self.reader.resources_of(patient))
    }

    fn transfer(&self, id: &Id) -> Option<Transfer> {
        self.rest();
        self.known(self.reader.transfer(id)).map(|view| view.transfer)
    }

    fn entered(&self, source: &Id) -> Option<String> {
        self.rest();
        self.known(self.reader.entered_item(source))
    }

    fn corrections(&self, of: &Id) -> Vec<Id> {
        self.rest();
        self.known(self.reader.corrections(of))
    }

    fn rest(&self) {
        if self.held.replace(false) {
            self.known(self.reader.run("COMMIT"));
        }
    }

    fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

impl ColdReader {
    fn hold(&self) {
        if !self.held.replace(true) {
            self.known(self.reader.run("BEGIN"));
        }
    }

    /// Ends the decision that asked where there is no answer; [`Cold::failure`] says why.
    fn known<T>(&self, answer: Result<T, Error>) -> T {
        answer.unwrap_or_else(|error| {
            let why = self.failure.get_or_init(|| error.to_string());
            panic!("{why}")
        })
    }
}
