//! Readers for whoever needs one for a moment.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Reader;
use crate::body::Dictionaries;
use crate::{Error, Level};

/// The most readers that are kept open while nobody uses them.
pub const MAX_IDLE_READERS: usize = 16;

/// A pool of readers of one record. It opens as many as are asked for at the same time; whoever
/// calls it limits that.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    journal: PathBuf,
    level: Arc<Level>,
    dictionaries: Arc<Dictionaries>,
    idle: Mutex<Vec<Reader>>,
}

/// A reader that goes back into its pool when it is dropped.
#[derive(Debug)]
pub struct Lease<'p> {
    pool: &'p Readers,
    reader: Option<Reader>,
}

impl Readers {
    /// A pool of readers of the record at `path`, which is a fold of the journal at `journal`. It
    /// opens one, to say early what is wrong.
    pub fn open(path: &Path, journal: &Path) -> Result<Self, Error> {
        let dictionaries = Arc::<Dictionaries>::default();
        let idle = Mutex::new(vec![Reader::sharing(path, journal, Arc::clone(&dictionaries))?]);
        let level = Arc::default();
        let (path, journal) = (path.to_owned(), journal.to_owned());
        Ok(Self { path, journal, level, dictionaries, idle })
    }

    /// How far the record has to be for those who were answered: kept by whoever writes.
    pub fn level(&self) -> Arc<Level> {
        Arc::clone(&self.level)
    }

    /// A reader that nobody else uses, of a record that holds everything that was answered before
    /// the call, but perhaps not the newest looks at it. Blocks until it does, as a rule for some
    /// milliseconds at most; [`Error::Behind`] after [`MAX_WAIT`](crate::MAX_WAIT), or when the
    /// writer has ended.
    pub fn get(&self) -> Result<Lease<'_>, Error> {
        self.level.wait(false)?;
        self.as_it_is()
    }

    /// The same, where the record holds all of that now and a reader is idle; none where either
    /// has to be waited for.
    pub fn at_once(&self) -> Option<Lease<'_>> {
        if self.level.is_behind() {
            return None;
        }
        let reader = self.idle()?;
        Some(Lease { pool: self, reader: Some(reader) })
    }

    /// As [`Readers::get`], of a record that holds every look that was journaled before the call
    /// too.
    pub fn with_looks(&self) -> Result<Lease<'_>, Error> {
        self.level.wait(true)?;
        self.as_it_is()
    }

    /// The same, of the record as it is now: what was answered a moment ago may be missing.
    pub fn as_it_is(&self) -> Result<Lease<'_>, Error> {
        let reader = match self.idle() {
            Some(reader) => reader,
            None => Reader::sharing(&self.path, &self.journal, Arc::clone(&self.dictionaries))?,
        };
        Ok(Lease { pool: self, reader: Some(reader) })
    }

    fn idle(&self) -> Option<Reader> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Deref for Lease<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.reader.as_ref().expect("a lease holds its reader until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_READERS {
            idle.extend(self.reader.take());
        }
    }
}
