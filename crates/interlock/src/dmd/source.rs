//! A release on disk: a folder with its files, an archive of TRUD, or a folder with archives.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use terminology::{FileKind, ImportError, Imported, Importer};
use thiserror::Error;

use super::archive::{self, ArchiveError};

/// The longest XML file that is read, in bytes; the longest of a full release has some 150 MB.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// The longest archive inside an archive, in bytes: the bonus pack has its GTIN file in one.
const MAX_INNER_BYTES: u64 = 256 * 1024 * 1024;

/// Why a release cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or folder cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// An archive cannot be read.
    #[error("{0}: {1}")]
    Archive(PathBuf, ArchiveError),
    /// The release itself cannot be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file is longer than anything in a release.
    #[error("{0} is longer than a file of a release can be")]
    TooLong(String),
}

/// Reads the release at a path: a folder (archives in it are opened), or one archive.
pub fn read_release(path: &Path) -> Result<Imported, SourceError> {
    let mut importer = Importer::new();
    let broken = |error| SourceError::Io(path.to_owned(), error);
    if fs::metadata(path).map_err(broken)?.is_dir() {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(broken)? {
            files.push(entry.map_err(broken)?.path());
        }
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            take(&mut importer, file)?;
        }
    } else {
        take(&mut importer, path)?;
    }
    Ok(importer.finish()?)
}

fn take(importer: &mut Importer, path: &Path) -> Result<(), SourceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_archive = is_archive(&name);
    if !is_archive && FileKind::of(&name).is_none() {
        return Ok(());
    }
    let broken = |error| SourceError::Io(path.to_owned(), error);
    let mut file = File::open(path).map_err(broken)?;
    if is_archive {
        return unpack(importer, &mut file, path, true);
    }
    if file.metadata().map_err(broken)?.len() > MAX_FILE_BYTES {
        return Err(SourceError::TooLong(name.into_owned()));
    }
    importer.file(&name, file.take(MAX_FILE_BYTES))?;
    Ok(())
}

fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

/// Takes the files of an archive, and those of the archives in it, but not deeper.
fn unpack(
    importer: &mut Importer,
    archive: &mut (impl Read + Seek),
    path: &Path,
    is_outer: bool,
) -> Result<(), SourceError> {
    let broken = |error| SourceError::Archive(path.to_owned(), error);
    for entry in archive::entries(archive).map_err(broken)? {
        let is_inner = is_outer && is_archive(&entry.name);
        if !is_inner && FileKind::of(&entry.name).is_none() {
            continue;
        }
        if entry.length > if is_inner { MAX_INNER_BYTES } else { MAX_FILE_BYTES } {
            return Err(SourceError::TooLong(entry.name));
        }
        let mut content = archive::open(archive, &entry).map_err(broken)?;
        if is_inner {
            let mut bytes = Vec::new();
            let read = content.read_to_end(&mut bytes);
            read.map_err(|error| broken(error.into()))?;
            drop(content);
            unpack_inner(importer, bytes, path)?;
        } else {
            importer.file(&entry.name, content)?;
        }
    }
    Ok(())
}

fn unpack_inner(importer: &mut Importer, bytes: Vec<u8>, path: &Path) -> Result<(), SourceError> {
    unpack(importer, &mut Cursor::new(bytes), path, false)
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::archive;
    use super::*;

    const FILES: [(&str, &str); 8] = [
        ("f_vtm2_3010126.xml", "<R><VTM><VTMID>1990</VTMID><NM>Sampline</NM></VTM></R>"),
        (
            "f_vmp2_3010126.xml",
            "<R><VMPS><VMP><VPID>2990</VPID><VTMID>1990</VTMID>\
          <NM>Sampline 5mg tablets</NM><PRES_STATCD>0001</PRES_STATCD></VMP></VMPS></R>",
        ),
        (
            "f_amp2_3010126.xml",
            "<R><AMPS><AMP><APID>3990</APID><VPID>2990</VPID><NM>Sampline</NM>\
          <DESC>Sampline (Nobody)</DESC></AMP></AMPS></R>",
        ),
        (
            "f_vmpp2_3010126.xml",
            "<R><VMPPS><VMPP><VPPID>4990</VPPID><NM>Sampline 28</NM>\
          <VPID>2990</VPID></VMPP></VMPPS></R>",
        ),
        (
            "f_ampp2_3010126.xml",
            "<R><AMPPS><AMPP><APPID>5990</APPID><NM>Sampline 28</NM>\
          <VPPID>4990</VPPID><APID>3990</APID></AMPP></AMPPS></R>",
        ),
        ("f_ingredient2_3010126.xml", "<R><ING><ISID>6990</ISID><NM>Sampline</NM></ING></R>"),
        (
            "f_lookup2_3010126.xml",
            "<R><ROUTE><INFO><CD>7990</CD><DESC>Oral</DESC></INFO></ROUTE></R>",
        ),
        (
            "f_gtin2_0010126.xml",
            "<R><AMPPS><AMPP><AMPPID>5990</AMPPID><GTINDATA>\
          <GTIN>9990000000012</GTIN></GTINDATA></AMPP></AMPPS></R>",
        ),
    ];

    #[test]
    fn folders_and_archives_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::create_dir(&plain).unwrap();
        for (name, content) in FILES {
            fs::write(plain.join(name), content).unwrap();
        }
        fs::write(plain.join("vmp_v2_3.xsd"), "not read").unwrap();
        let expected = read_release(&plain).unwrap();
        assert!(expected.problems.is_empty(), "{:?}", expected.problems);
        assert_eq!(expected.index.release().counts.gtins, 1);
        assert!(expected.index.release().synthetic);

        let bytes: Vec<(&str, &[u8])> =
            FILES.iter().map(|(name, content)| (*name, content.as_bytes())).collect();
        // As TRUD packs them: the main archive, and the numbers in an archive in the bonus one.
        let packed = folder.path().join("packed");
        fs::create_dir(&packed).unwrap();
        fs::write(packed.join("nhsbsa_dmd.zip"), archive(&bytes[..7])).unwrap();
        let inner = archive(&bytes[7..]);
        fs::write(packed.join("bonus.zip"), archive(&[("r/gtin.zip", &inner)])).unwrap();
        let read = read_release(&packed).unwrap();
        assert_eq!(read.index.to_bytes(), expected.index.to_bytes());

        let one = folder.path().join("one.zip");
        fs::write(&one, archive(&bytes)).unwrap();
        assert_eq!(read_release(&one).unwrap().index.to_bytes(), expected.index.to_bytes());
    }

    #[test]
    fn what_is_no_release() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| read_release(path).unwrap_err().to_string();
        assert!(refused(folder.path()).contains("no f_vtm2 file"));
        assert!(refused(&folder.path().join("absent")).contains("absent: "));
        fs::write(folder.path().join("x.zip"), "PK").unwrap();
        assert!(refused(folder.path()).contains("not a ZIP archive"));
        fs::remove_file(folder.path().join("x.zip")).unwrap();
        fs::write(folder.path().join("f_vtm2_3010126.xml"), "<R><VTM>").unwrap();
        assert!(refused(folder.path()).contains("f_vtm2_3010126.xml: the file ends"));
    }
}
