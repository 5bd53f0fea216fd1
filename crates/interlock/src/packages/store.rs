//! The files of packages: `packages/DIGEST.ndjson.gz` in the data folder, one definition a line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::digested::{Shelf, StoreError};

const SHELF: Shelf = Shelf { folder: "packages", extension: "ndjson.gz", max_bytes: 256 << 20 };
/// The most bytes of definitions in a file.
const MAX_BYTES: u64 = 512 << 20;

/// Writes definitions, durably, and tells the digest of the file.
pub(crate) fn save(data: &Path, definitions: &[String]) -> Result<String, StoreError> {
    let bytes =
        pack(definitions).map_err(|error| StoreError::Io(data.join(SHELF.folder), error))?;
    SHELF.save(data, &bytes)
}

fn pack(definitions: &[String]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    for definition in definitions {
        packer.write_all(definition.as_bytes())?;
        packer.write_all(b"\n")?;
    }
    packer.finish()
}

/// Hands each definition of the file of this digest on.
pub(crate) fn load(
    data: &Path,
    digest: &str,
    mut definition: impl FnMut(&str),
) -> Result<(), StoreError> {
    let (path, bytes) = SHELF.load(data, digest)?;
    for line in BufReader::new(GzDecoder::new(bytes.as_slice()).take(MAX_BYTES)).lines() {
        definition(&line.map_err(|_| StoreError::Unreadable(path.clone()))?);
    }
    Ok(())
}

/// Removes the files that are none of these.
pub(super) fn prune(data: &Path, keep: &[String]) -> io::Result<()> {
    let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
    SHELF.prune(data, &keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_read_as_they_were_written() {
        let data = tempfile::tempdir().unwrap();
        let definitions = ["{\"a\":1}".to_owned(), "{\"b\":0.10}".to_owned()];
        let digest = save(data.path(), &definitions).unwrap();
        let mut found = Vec::new();
        load(data.path(), &digest, |line| found.push(line.to_owned())).unwrap();
        assert_eq!(found, definitions);
    }

    #[test]
    fn a_file_that_is_not_packed_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let digest = SHELF.save(data.path(), b"{}").unwrap();
        let read = load(data.path(), &digest, |_| {});
        assert!(matches!(read, Err(StoreError::Unreadable(_))));
    }
}
