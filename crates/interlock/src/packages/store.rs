//! The files of packages: `packages/DIGEST.ndjson.gz` in the data folder, one definition a line.
//!
//! A file is named by its digest and never changes; which ones are in use is in the journal.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::hexadecimal;

/// The folder of the packages in the data folder.
const FOLDER: &str = "packages";
const EXTENSION: &str = "ndjson.gz";
/// The longest file that is read, in bytes.
const MAX_PACKED_BYTES: u64 = 256 << 20;
/// The most bytes of definitions in it.
const MAX_BYTES: u64 = 512 << 20;

/// Why the file of a package cannot be used.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file is damaged.
    #[error("{0} is damaged; import the package again")]
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

/// Writes definitions, durably, and tells the digest of the file.
pub(crate) fn save(data: &Path, definitions: &[String]) -> Result<String, StoreError> {
    let folder = data.join(FOLDER);
    let wrong = |error| StoreError::Io(folder.clone(), error);
    let bytes = pack(definitions).map_err(wrong)?;
    let digest = hexadecimal(&Sha256::digest(&bytes));
    write(&folder, &path(data, &digest)?, &bytes).map_err(wrong)?;
    Ok(digest)
}

fn pack(definitions: &[String]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    for definition in definitions {
        packer.write_all(definition.as_bytes())?;
        packer.write_all(b"\n")?;
    }
    packer.finish()
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Hands each definition of the file of this digest on.
pub(crate) fn load(
    data: &Path,
    digest: &str,
    mut definition: impl FnMut(&str),
) -> Result<(), StoreError> {
    let path = path(data, digest)?;
    let wrong = |error| StoreError::Io(path.clone(), error);
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(wrong)?;
    file.take(MAX_PACKED_BYTES).read_to_end(&mut bytes).map_err(wrong)?;
    if hexadecimal(&Sha256::digest(&bytes)) != digest {
        return Err(StoreError::Unreadable(path));
    }
    for line in BufReader::new(GzDecoder::new(bytes.as_slice()).take(MAX_BYTES)).lines() {
        definition(&line.map_err(|_| StoreError::Unreadable(path.clone()))?);
    }
    Ok(())
}

/// Removes the files that are none of these.
pub(super) fn prune(data: &Path, keep: &[String]) -> io::Result<()> {
    for entry in fs::read_dir(data.join(FOLDER))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let digest = name.strip_suffix(EXTENSION).and_then(|name| name.strip_suffix('.'));
        if digest.is_some_and(|digest| !keep.iter().any(|known| known == digest)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_refused() {
        let data = tempfile::tempdir().unwrap();
        let definitions = ["{\"a\":1}".to_owned(), "{\"b\":0.10}".to_owned()];
        let digest = save(data.path(), &definitions).unwrap();
        assert_eq!(save(data.path(), &definitions).unwrap(), digest, "the same is the same file");
        let read = |digest: &str| {
            let mut found = Vec::new();
            load(data.path(), digest, |line| found.push(line.to_owned())).map(|()| found)
        };
        assert_eq!(read(&digest).unwrap(), definitions);
        assert!(matches!(read("../x"), Err(StoreError::Digest)));
        assert!(matches!(read(&"0".repeat(64)), Err(StoreError::Io(..))));
        let other = save(data.path(), &definitions[..1]).unwrap();
        prune(data.path(), std::slice::from_ref(&digest)).unwrap();
        assert!(matches!(read(&other), Err(StoreError::Io(..))));
        let path = path(data.path(), &digest).unwrap();
        fs::write(&path, b"x").unwrap();
        assert!(matches!(read(&digest), Err(StoreError::Unreadable(_))));
    }
}
