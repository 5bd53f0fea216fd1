//! The read side in SQLite: FHIR store and index, live state rows, worklists, message index.
//!
//! One [`Record`] writes; any number of [`Reader`]s read, one for each thread, and each query
//! sees one consistent position of the journal. Readers never hold the writer up.
//!
//! The record is a fold of the journal's facts and nothing else. It can be thrown away: applying
//! the journal from the first entry gives the same rows again, and [`Record::dump`] the same
//! bytes.

mod body;
mod checkpoint;
mod code;
mod dump;
mod error;
mod file;
mod fold;
mod index;
mod level;
mod messages;
mod parts;
mod postings;
mod read;
mod schema;
mod snapshot;
mod writer;

pub use error::Error;
pub use index::patient_of;
pub use level::{Level, MAX_WAIT};
pub use messages::{
    Again, Life, MAX_FOUND, MessageIndex, MessageIndexer, MessageSearch, Messages, Rewrite, Sent,
    fact_text, message_text,
};
pub use parts::Part;
pub use read::{
    AccessPage, AccessPlace, AccessSearch, AccessView, Budget, CaseCount, CaseView, ColdReader,
    Compartment, DeletedView, DeliveryView, Everything, GoOn, Held, History, HistorySearch, Lease,
    MAX_ACCESS_READS, MAX_ACCESSES, MAX_CANDIDATES, MAX_CASES, MAX_DELIVERIES, MAX_ENTRIES,
    MAX_EVERYTHING, MAX_HISTORY, MAX_IDLE_READERS, MAX_INCLUDED, MAX_LAST, MAX_LATEST,
    MAX_MESSAGES, MAX_OCCURRENCES, MAX_OPEN, MAX_PAGES, MAX_PLACES, MAX_QUEUE_SCAN, MAX_READS,
    MAX_SAME_PERSON, MAX_SCAN, MAX_SEARCH_TIME, MAX_TRANSFERS, MessageView, OrderCount, Page,
    Place, PocketView, Portion, Printed, Queue, Reader, Readers, RegisterPage, RegisterSlice,
    RegisterWindow, Revision, Road, Snapshot, Tally, TransferView, Ward, Whose, place_words,
    types_of_patients,
};
pub use snapshot::snapshot;
pub use writer::{Applied, Head, Record};
