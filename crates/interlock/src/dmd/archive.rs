//! ZIP archives as TRUD delivers them: stored or deflated entries, found by the directory at the
//! end (PKWARE APPNOTE 4.3). Archives that are encrypted, split or ZIP64 are refused.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use thiserror::Error;

/// The most entries of an archive; a release has about ten.
const MAX_ENTRIES: usize = 1_000;
/// The end of the directory, without the comment that may follow it, in bytes.
const END_BYTES: usize = 22;
/// The longest comment, in bytes.
const MAX_COMMENT_BYTES: usize = 65_535;
const END_MARK: &[u8; 4] = b"PK\x05\x06";
const ENTRY_MARK: &[u8; 4] = b"PK\x01\x02";
const LOCAL_MARK: &[u8; 4] = b"PK\x03\x04";

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are no ZIP archive, or it is damaged.
    #[error("not a ZIP archive, or a damaged one")]
    Damaged,
    /// Encrypted, split, ZIP64, or compressed in another way.
    #[error("the archive's kind is not supported: {0}")]
    Unsupported(&'static str),
}

/// One file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its name without folders.
    pub(super) name: String,
    /// How long it is, in bytes.
    pub(super) length: u64,
    packed: u64,
    crc: u32,
    deflated: bool,
    at: u64,
}

/// Lists the files of an archive.
pub(super) fn entries(archive: &mut (impl Read + Seek)) -> Result<Vec<Entry>, ArchiveError> {
    let (begin, length, count) = directory(archive)?;
    if count > MAX_ENTRIES {
        return Err(ArchiveError::Unsupported("more than 1000 files"));
    }
    archive.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    archive.take(length).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (entry, after) = entry(rest)?;
        rest = after;
        entries.extend(entry);
    }
    Ok(entries)
}

/// Where the directory is, how long, and how many entries it has.
fn directory(archive: &mut (impl Read + Seek)) -> Result<(u64, u64, usize), ArchiveError> {
    let end = archive.seek(SeekFrom::End(0))?;
    let tail = end.min((END_BYTES + MAX_COMMENT_BYTES) as u64);
    archive.seek(SeekFrom::Start(end - tail))?;
    let mut bytes = Vec::new();
    archive.take(tail).read_to_end(&mut bytes)?;
    let mark = bytes.windows(END_BYTES).rposition(|window| window.starts_with(END_MARK));
    let found = &bytes[mark.ok_or(ArchiveError::Damaged)?..];
    let count = short(found, 10)?;
    if count != short(found, 8)? || short(found, 4)? != 0 {
        return Err(ArchiveError::Unsupported("split over several files"));
    }
    let (length, begin) = (long(found, 12)?, long(found, 16)?);
    if begin == u32::MAX || count == u16::MAX {
        return Err(ArchiveError::Unsupported("ZIP64"));
    }
    Ok((begin.into(), length.into(), count.into()))
}

/// One entry of the directory, none for a folder, and what follows it.
fn entry(bytes: &[u8]) -> Result<(Option<Entry>, &[u8]), ArchiveError> {
    if !bytes.starts_with(ENTRY_MARK) {
        return Err(ArchiveError::Damaged);
    }
    let (flags, method) = (short(bytes, 8)?, short(bytes, 10)?);
    let (crc, packed, length) = (long(bytes, 16)?, long(bytes, 20)?, long(bytes, 24)?);
    let name_length = usize::from(short(bytes, 28)?);
    let more = usize::from(short(bytes, 30)?) + usize::from(short(bytes, 32)?);
    let at = long(bytes, 42)?;
    let name = bytes.get(46..46 + name_length).ok_or(ArchiveError::Damaged)?;
    let rest = bytes.get(46 + name_length + more..).ok_or(ArchiveError::Damaged)?;
    let name = String::from_utf8_lossy(name).into_owned();
    if name.ends_with('/') {
        return Ok((None, rest));
    }
    let deflated = match method {
        0 => false,
        8 => true,
        _ => return Err(ArchiveError::Unsupported("neither stored nor deflated")),
    };
    if flags & 1 != 0 {
        return Err(ArchiveError::Unsupported("encrypted"));
    }
    if [packed, length, at].contains(&u32::MAX) {
        return Err(ArchiveError::Unsupported("ZIP64"));
    }
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let (length, packed, at) = (length.into(), packed.into(), at.into());
    Ok((Some(Entry { name, length, packed, crc, deflated, at }), rest))
}

/// Opens an entry. It is never longer than the directory says, and its sum is checked when its
/// end is reached.
pub(super) fn open<'a>(
    archive: &'a mut (impl Read + Seek),
    entry: &Entry,
) -> Result<impl Read + 'a, ArchiveError> {
    archive.seek(SeekFrom::Start(entry.at))?;
    let mut head = [0; 30];
    archive.read_exact(&mut head)?;
    if !head.starts_with(LOCAL_MARK) {
        return Err(ArchiveError::Damaged);
    }
    let skip = i64::from(short(&head, 26)?) + i64::from(short(&head, 28)?);
    archive.seek(SeekFrom::Current(skip))?;
    let packed = archive.take(entry.packed);
    let content = if entry.deflated {
        Content::Deflated(DeflateDecoder::new(packed))
    } else {
        Content::Stored(packed)
    };
    Ok(Checked { content, left: entry.length, expected: entry.crc, crc: Crc::new() })
}

enum Content<R> {
    Stored(io::Take<R>),
    Deflated(DeflateDecoder<io::Take<R>>),
}

struct Checked<R> {
    content: Content<R>,
    left: u64,
    expected: u32,
    crc: Crc,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.content {
            Content::Stored(content) => content.read(buffer)?,
            Content::Deflated(content) => content.read(buffer)?,
        };
        let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        if read == 0 {
            let whole = self.left == 0 && self.crc.sum() == self.expected;
            return if whole { Ok(0) } else { Err(damaged("the archived file is damaged")) };
        }
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| damaged("the archived file is longer than it says"))?;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}

fn short(bytes: &[u8], at: usize) -> Result<u16, ArchiveError> {
    let bytes = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u16::from_le_bytes).ok_or(ArchiveError::Damaged)
}

fn long(bytes: &[u8], at: usize) -> Result<u32, ArchiveError> {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).ok_or(ArchiveError::Damaged)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// An archive of the files, each second one deflated.
    pub(in super::super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (number, (name, content)) in files.iter().enumerate() {
            let deflated = number % 2 == 1;
            let mut packed = content.to_vec();
            if deflated {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(content).unwrap();
                packed = encoder.finish().unwrap();
            }
            let mut crc = Crc::new();
            crc.update(content);
            let size = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
            let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
            let method = if deflated { 8_u16 } else { 0 }.to_le_bytes();
            let mut about = [&[20, 0, 0, 0][..], &method, &[0; 4]].concat();
            about.extend(
                [crc.sum().to_le_bytes(), size(packed.len()), size(content.len())].concat(),
            );
            about.extend([&name_length[..], &[0, 0]].concat());
            directory.extend([&ENTRY_MARK[..], &[20, 0], &about, &[0; 10]].concat());
            directory.extend([&size(out.len())[..], name.as_bytes()].concat());
            out.extend([&LOCAL_MARK[..], &about, name.as_bytes(), &packed].concat());
        }
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        let size = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let (length, at) = (size(directory.len()), size(out.len()));
        out.extend(directory);
        out.extend([&END_MARK[..], &[0; 4], &count, &count, &length, &at, &[0, 0]].concat());
        out
    }

    #[test]
    fn files_come_back() {
        let files: [(&str, &[u8]); 2] = [("a/b.xml", b"stored"), ("c.xml", &[b'x'; 5000])];
        let mut archive = Cursor::new(archive(&files));
        let entries = entries(&mut archive).unwrap();
        for (entry, (name, content)) in entries.iter().zip(files) {
            assert!(name.ends_with(&entry.name));
            let mut read = Vec::new();
            open(&mut archive, entry).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, content);
        }
    }

    #[test]
    fn damage_is_seen() {
        let whole = archive(&[("a", b"stored"), ("b", b"deflated")]);
        // Whatever byte is changed, nothing wrong is read as right, and nothing panics.
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            let mut archive = Cursor::new(bytes);
            let Ok(entries) = entries(&mut archive) else { continue };
            for (entry, content) in entries.iter().zip([&b"stored"[..], b"deflated"]) {
                let mut read = Vec::new();
                let opened = open(&mut archive, entry);
                if opened.is_ok_and(|mut file| file.read_to_end(&mut read).is_ok()) {
                    assert_eq!(read, content, "byte {at}");
                }
            }
        }
        assert!(entries(&mut Cursor::new(b"PK")).is_err());
    }
}
