//! Files that are named by their digest: `FOLDER/DIGEST.EXTENSION` in the data folder, written
//! whole or not at all.
//!
//! Such a file never changes. Which ones are in use is in the journal, so writing one changes
//! nothing yet.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::hexadecimal;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file is damaged, or was written by another version: import again what it holds.
    #[error("{0} is damaged or of another version; import it again")]
    Unreadable(PathBuf),
    /// The digest is not one.
    #[error("a digest is 64 hexadecimal digits")]
    Digest,
}

/// A folder of such files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf {
    /// The folder in the data folder.
    pub(crate) folder: &'static str,
    /// The end of the files' names, without its point.
    pub(crate) extension: &'static str,
    /// The longest file that is read, in bytes.
    pub(crate) max_bytes: u64,
}

impl Shelf {
    /// Where the file of a digest lies.
    pub(crate) fn path(self, data: &Path, digest: &str) -> Result<PathBuf, StoreError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digest.len() != 64 || !digest.bytes().all(is_digit) {
            return Err(StoreError::Digest);
        }
        Ok(data.join(self.folder).join(format!("{digest}.{}", self.extension)))
    }

    /// Writes a file, durably, and tells its digest.
    pub(crate) fn save(self, data: &Path, bytes: &[u8]) -> Result<String, StoreError> {
        let digest = digest_of(bytes);
        let path = self.path(data, &digest)?;
        write(&data.join(self.folder), &path, bytes).map_err(|why| StoreError::Io(path, why))?;
        Ok(digest)
    }

    /// Reads the file of a digest, and where it lies.
    pub(crate) fn load(self, data: &Path, digest: &str) -> Result<(PathBuf, Vec<u8>), StoreError> {
        let path = self.path(data, digest)?;
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?.take(self.max_bytes).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes: Vec<u8> = read().map_err(|error| StoreError::Io(path.clone(), error))?;
        if digest_of(&bytes) == digest {
            Ok((path, bytes))
        } else {
            Err(StoreError::Unreadable(path))
        }
    }

    /// Removes the files that are none of these.
    pub(crate) fn prune(self, data: &Path, keep: &[&str]) -> io::Result<()> {
        for entry in fs::read_dir(data.join(self.folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let stem = name.strip_suffix(self.extension).and_then(|name| name.strip_suffix('.'));
            if stem.is_some_and(|digest| !keep.contains(&digest)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The SHA-256 of bytes, in hexadecimal.
fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELF: Shelf = Shelf { folder: "things", extension: "ndjson.gz", max_bytes: 8 };

    #[test]
    fn a_file_is_whole_or_refused() {
        let data = tempfile::tempdir().unwrap();
        let digest = SHELF.save(data.path(), b"one").unwrap();
        assert_eq!(SHELF.save(data.path(), b"one").unwrap(), digest, "the same is the same file");
        let read = |digest: &str| SHELF.load(data.path(), digest).map(|(_, bytes)| bytes);
        assert_eq!(read(&digest).unwrap(), b"one");
        assert!(matches!(read("../x"), Err(StoreError::Digest)));
        assert!(matches!(read(&"0".repeat(64)), Err(StoreError::Io(..))));
        let long = SHELF.save(data.path(), b"more than 8 bytes").unwrap();
        assert!(matches!(read(&long), Err(StoreError::Unreadable(_))));
        SHELF.prune(data.path(), &[&digest]).unwrap();
        assert!(matches!(read(&long), Err(StoreError::Io(..))));
        fs::write(SHELF.path(data.path(), &digest).unwrap(), b"x").unwrap();
        assert!(matches!(read(&digest), Err(StoreError::Unreadable(_))));
    }
}
