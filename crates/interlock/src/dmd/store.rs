//! The index files: `dmd/DIGEST.index` in the data folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use terminology::Index;

use crate::digested::Shelf;
pub use crate::digested::StoreError;

/// That of a full release has some 35 MB.
const SHELF: Shelf = Shelf { folder: "dmd", extension: "index", max_bytes: 512 << 20 };

/// Writes an index, durably, and tells its digest.
pub(crate) fn save(data: &Path, index: &Index) -> Result<String, StoreError> {
    SHELF.save(data, &index.to_bytes())
}

/// Reads the index of a digest.
pub fn load(data: &Path, digest: &str) -> Result<Index, StoreError> {
    let (path, bytes) = SHELF.load(data, digest)?;
    Index::from_bytes(&bytes).map_err(|_| StoreError::Unreadable(path))
}

/// The index that was read last, by its digest. A digest names the same bytes for ever, so whoever
/// asks for it may have the same copy: the one who takes a release over reads it, and the engine
/// does not have to read it again between two decisions.
static LAST: Mutex<Option<(String, Arc<Index>)>> = Mutex::new(None);

/// Reads the index of a digest, or hands out the copy that was read last.
pub(crate) fn shared(data: &Path, digest: &str) -> Result<Arc<Index>, StoreError> {
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, index)) = last().as_ref().filter(|(known, _)| known == digest) {
        return Ok(Arc::clone(index));
    }
    let index = Arc::new(load(data, digest)?);
    *last() = Some((digest.to_owned(), Arc::clone(&index)));
    Ok(index)
}

/// The index files of a data folder, for the engine.
#[derive(Debug)]
pub(crate) struct Indexes(PathBuf);

impl Indexes {
    pub(crate) fn new(data: PathBuf) -> Self {
        Indexes(data)
    }
}

impl engine::Dictionaries for Indexes {
    fn index(&self, digest: &str) -> Option<Arc<Index>> {
        shared(&self.0, digest).ok()
    }
}

/// Removes the index files that are none of these.
pub(super) fn prune(data: &Path, keep: &[&str]) -> io::Result<()> {
    SHELF.prune(data, keep)
}
