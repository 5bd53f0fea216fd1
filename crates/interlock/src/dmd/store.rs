//! The index files: `dmd/DIGEST.index` in the data folder, written whole or not at all.
//!
//! A file is named by its digest and never changes. Which one is in use is an entry of the
//! journal, so writing a file changes nothing yet.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use terminology::Index;
use thiserror::Error;

use crate::config::hexadecimal;

/// The folder of the index files in the data folder.
const FOLDER: &str = "dmd";
const EXTENSION: &str = "index";
/// The longest index file that is read, in bytes; that of a full release has some 35 MB.
const MAX_INDEX_BYTES: u64 = 512 * 1024 * 1024;

/// Why an index file cannot be read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file is damaged, or was written by another version: import the release again.
    #[error("{0} is damaged or of another version; import the release again")]
    Unreadable(PathBuf),
    /// The digest is not one.
    #[error("a digest is 64 hexadecimal digits")]
    Digest,
}

fn path(data: &Path, digest: &str) -> Result<PathBuf, StoreError> {
    let is_digest = digest.len() == 64
        && digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !is_digest {
        return Err(StoreError::Digest);
    }
    Ok(data.join(FOLDER).join(format!("{digest}.{EXTENSION}")))
}

/// The SHA-256 of bytes, in hexadecimal.
fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Writes an index, durably, and tells its digest.
pub(crate) fn save(data: &Path, index: &Index) -> Result<String, StoreError> {
    let bytes = index.to_bytes();
    let digest = digest_of(&bytes);
    let path = path(data, &digest)?;
    let folder = data.join(FOLDER);
    write(&folder, &path, &bytes).map_err(|error| StoreError::Io(path, error))?;
    Ok(digest)
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Reads the index of a digest.
pub fn load(data: &Path, digest: &str) -> Result<Index, StoreError> {
    let path = path(data, digest)?;
    let read = || {
        let mut bytes = Vec::new();
        File::open(&path)?.take(MAX_INDEX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes: Vec<u8> = read().map_err(|error| StoreError::Io(path.clone(), error))?;
    if digest_of(&bytes) != digest {
        return Err(StoreError::Unreadable(path));
    }
    Index::from_bytes(&bytes).map_err(|_| StoreError::Unreadable(path))
}

/// The index that was read last, by its digest. A digest names the same bytes for ever, so whoever
/// asks for it may have the same copy: the one who takes a release over reads it, and the engine
/// does not have to read it again between two decisions.
static LAST: Mutex<Option<(String, Arc<Index>)>> = Mutex::new(None);

/// Reads the index of a digest, or hands out the copy that was read last.
pub(super) fn shared(data: &Path, digest: &str) -> Result<Arc<Index>, StoreError> {
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
pub(crate) struct Shelf(PathBuf);

impl Shelf {
    pub(crate) fn new(data: PathBuf) -> Self {
        Shelf(data)
    }
}

impl engine::Dictionaries for Shelf {
    fn index(&self, digest: &str) -> Option<Arc<Index>> {
        shared(&self.0, digest).ok()
    }
}

/// Removes the index files that are none of these.
pub(super) fn prune(data: &Path, keep: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(data.join(FOLDER))? {
        let path = entry?.path();
        let is_index = path.extension().is_some_and(|extension| extension == EXTENSION);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if is_index && !keep.contains(&name.as_ref()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
