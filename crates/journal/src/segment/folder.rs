//! The folder of the segments: which there are, and where an entry lies.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{block::Block, seal::Seal, store::Store};
use crate::{Broken, Entry, Error, Position, Why, file};

/// What the name of a segment's file ends in.
pub(crate) const SEGMENT: &str = "segment";
/// What the name of a seal's file ends in.
pub(crate) const SEAL: &str = "seal";

/// The folder of the segments of the journal at `path`.
pub fn folder_of(path: &Path) -> PathBuf {
    file::beside(path, "-segments")
}

/// A segment as the folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of its first entry.
    pub first: u64,
    /// The number of its last entry.
    pub last: u64,
    /// Whether its file is there; otherwise it was moved away or dropped.
    pub is_here: bool,
    /// Whether its seal is there.
    pub is_sealed: bool,
    folder: PathBuf,
}

impl Segment {
    pub(crate) fn new(folder: &Path, first: u64, last: u64) -> Self {
        Self { first, last, is_here: false, is_sealed: false, folder: folder.to_owned() }
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        self.named(SEGMENT)
    }

    /// The file of its seal.
    pub fn seal_path(&self) -> PathBuf {
        self.named(SEAL)
    }

    /// A file that is being written before it takes the place of `path`.
    pub(crate) fn part_of(path: &Path) -> PathBuf {
        file::beside(path, ".part")
    }

    fn named(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{:012}-{:012}.{ending}", self.first, self.last))
    }

    /// Its seal.
    pub fn seal(&self) -> Result<Seal, Error> {
        let seal = Seal::read(&self.seal_path())?;
        if (seal.from.seq.saturating_add(1), seal.to.seq) == (self.first, self.last) {
            return Ok(seal);
        }
        let why = "it is the seal of another segment".to_owned();
        Err(Error::Seal { path: self.seal_path(), why })
    }
}

/// The segments of the journal at `path`, the oldest first. Empty where nothing was sealed yet.
pub fn segments(path: &Path) -> Result<Vec<Segment>, Error> {
    list(&folder_of(path))
}

fn list(folder: &Path) -> Result<Vec<Segment>, Error> {
    let failed = |error: std::io::Error| Error::open(folder, &error);
    let names = match fs::read_dir(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found: BTreeMap<(u64, u64), Segment> = BTreeMap::new();
    for name in names {
        let name = name.map_err(failed)?.file_name();
        let Some((range, ending)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Some((first, last)) = range_of(range) else { continue };
        let entry = || Segment::new(folder, first, last);
        match ending {
            SEGMENT => found.entry((first, last)).or_insert_with(entry).is_here = true,
            SEAL => found.entry((first, last)).or_insert_with(entry).is_sealed = true,
            _ => {}
        }
    }
    Ok(found.into_values().collect())
}

fn range_of(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.split_once('-')?;
    let number = |text: &str| {
        let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = (number(first)?, number(last)?);
    (first > 0 && first <= last).then_some((first, last))
}

/// Reads the segments of one journal. It remembers the last block, so that neighbours cost
/// nothing more.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    site: String,
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    listed: Vec<Segment>,
    open: Option<(Segment, Store)>,
    last: Option<Arc<Unpacked>>,
}

/// A block with its entries.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) before: Position,
    pub(crate) entries: Vec<Entry>,
}

impl Shelf {
    pub(crate) fn new(journal: &Path, site: &str) -> Self {
        let (folder, site) = (folder_of(journal), site.to_owned());
        Self { folder, site, inner: RefCell::default() }
    }

    /// The segment that holds entry `seq`, here or away. Looks again when none is known.
    pub(crate) fn segment_of(&self, seq: u64) -> Result<Option<Segment>, Error> {
        let mut inner = self.inner.borrow_mut();
        let known = |listed: &[Segment]| {
            listed.iter().find(|segment| segment.first <= seq && seq <= segment.last).cloned()
        };
        // Only what is sealed counts: anything else may still be given up.
        let there = known(&inner.listed);
        if there.as_ref().is_some_and(|segment| segment.is_here && segment.path().exists()) {
            return Ok(there);
        }
        inner.listed = list(&self.folder)?;
        inner.listed.retain(|segment| segment.is_sealed);
        Ok(known(&inner.listed))
    }

    /// The block that holds entry `seq`, all of its entries checked.
    pub(crate) fn block(&self, seq: u64) -> Result<Arc<Unpacked>, Error> {
        let holds = |block: &Unpacked| {
            block.before.seq < seq && block.entries.last().is_some_and(|last| seq <= last.seq)
        };
        if let Some(last) = &self.inner.borrow().last
            && holds(last)
        {
            return Ok(Arc::clone(last));
        }
        let moved = |folder: &Path| Error::Moved { seq, folder: folder.to_owned() };
        let segment = self.segment_of(seq)?.filter(|segment| segment.is_here);
        let segment = segment.ok_or_else(|| moved(&self.folder))?;
        let block = self.read(segment, seq)?;
        if block.before.seq >= seq {
            let next = i64::try_from(block.before.seq).unwrap_or(i64::MAX).saturating_add(1);
            return Err(Broken { seq, why: Why::Missing { next } }.into());
        }
        let unpacked = Arc::new(Unpacked { before: block.before, entries: block.unpack()? });
        self.inner.borrow_mut().last = Some(Arc::clone(&unpacked));
        Ok(unpacked)
    }

    fn read(&self, segment: Segment, seq: u64) -> Result<Block, Error> {
        let mut inner = self.inner.borrow_mut();
        if inner.open.as_ref().is_none_or(|(open, _)| *open != segment) {
            let store = Store::open(&segment.path())?;
            if store.site != self.site {
                return Err(Error::Site { expected: self.site.clone(), found: store.site });
            }
            inner.open = Some((segment, store));
        }
        let (_, store) = inner.open.as_ref().expect("it was just opened");
        let block = store.block(seq).map_err(|error| match error {
            Error::Broken(_) => error,
            other => Broken { seq, why: Why::Unreadable(other.to_string()) }.into(),
        })?;
        block.ok_or_else(|| {
            Broken { seq, why: Why::Unreadable("its block is not there".into()) }.into()
        })
    }

    /// Forgets what is open, so that what has changed in the folder is seen.
    pub(crate) fn refresh(&self) {
        *self.inner.borrow_mut() = Inner::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_numbers_of_twelve_digits() {
        assert_eq!(range_of("000000000001-000000032768"), Some((1, 32_768)));
        for name in [
            "",
            "1-2",
            "000000000000-000000000001",
            "000000000002-000000000001",
            "+00000000001-000000000002",
            "000000000001-000000000002-3",
        ] {
            assert_eq!(range_of(name), None, "{name}");
        }
    }
}
