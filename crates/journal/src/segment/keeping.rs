//! How long messages stay readable, and segments that are moved away or dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::block::Block;
use super::folder::{Segment, segments};
use super::store::{Store, Writer, publish, remove, sync_folder};
use crate::{Broken, Entry, Error, Reader, Removed, Why, hash::digest_of};

/// How many times as long as it worked the removal rests: nothing waits for it, and the traffic
/// shall not feel it.
const REST: u32 = 3;

/// Says which messages must stay readable.
pub trait Keep: Send {
    /// Whether the message of this entry must stay. It is asked again later about one that stays.
    fn keeps(&mut self, entry: &Entry) -> bool;

    /// The latest time at which an entry was recorded that might not be kept, in microseconds
    /// since 1970-01-01T00:00:00Z: segments that begin after it are not looked into. `None` when
    /// everything is kept.
    fn latest(&mut self) -> Option<i64>;

    /// Whether what is kept was decided anew since this was last asked, so that it is worth a look
    /// before its time.
    fn has_changed(&mut self) -> bool {
        false
    }
}

/// What [`remove_bodies`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// How many messages were removed.
    pub messages: u64,
    /// How many bytes they had, uncompressed.
    pub bytes: u64,
    /// How many messages in the segments that were looked into stay.
    pub kept: u64,
}

/// Removes the messages that need not be kept from the segments of the journal at `path`. Heads,
/// lengths and digests stay, so that the chain verifies as before.
///
/// A segment is written anew beside the old one, synced, and put in its place by its name: a
/// kill or a power cut leaves the one or the other.
pub(crate) fn remove_bodies(
    path: &Path,
    keep: &mut dyn Keep,
    pause: &dyn Fn(Duration) -> Result<(), Error>,
) -> Result<Tidied, Error> {
    let mut all = Tidied::default();
    let Some(latest) = keep.latest() else { return Ok(all) };
    for segment in segments(path)? {
        if segment.is_here && segment.is_sealed && segment.seal()?.first_at <= latest {
            let done = tidy(&segment, keep, pause)?;
            all.messages += done.messages;
            all.bytes += done.bytes;
            all.kept += done.kept;
        }
    }
    Ok(all)
}

fn tidy(
    segment: &Segment,
    keep: &mut dyn Keep,
    pause: &dyn Fn(Duration) -> Result<(), Error>,
) -> Result<Tidied, Error> {
    let mut done = Tidied::default();
    // Most looks change nothing, so that nothing is written before something has to go.
    let mut anew: Option<Writer> = None;
    let store = Store::open(&segment.path())?;
    let mut seq = segment.first;
    while seq <= segment.last {
        let began = Instant::now();
        let block = store.block(seq)?.filter(|block| block.before.seq + 1 == seq);
        let block = block.ok_or(Broken { seq, why: Why::Unreadable("no block".into()) })?;
        let mut entries = block.unpack()?;
        let removed = take_bodies(&mut entries, keep, &mut done);
        if removed && anew.is_none() {
            anew = Some(copy_before(&store, segment, seq)?);
        }
        if let Some(writer) = &mut anew {
            if removed {
                writer.add(&Block::pack(block.before, &entries)?)?;
            } else {
                writer.add(&block)?;
            }
        }
        seq = block.tip.seq + 1;
        pause(began.elapsed() * REST)?;
    }
    if let Some(writer) = anew {
        writer.finish(&segment.path())?;
    }
    Ok(done)
}

/// Begins the new file with the blocks before entry `seq` as they are.
fn copy_before(store: &Store, segment: &Segment, seq: u64) -> Result<Writer, Error> {
    let mut writer = Writer::create(Segment::part_of(&segment.path()), &store.site)?;
    let mut next = segment.first;
    while next < seq {
        let missing = || Broken { seq: next, why: Why::Unreadable("no block".into()) };
        let block = store.block(next)?.ok_or_else(missing)?;
        writer.add(&block)?;
        next = block.tip.seq + 1;
    }
    Ok(writer)
}

fn take_bodies(entries: &mut [Entry], keep: &mut dyn Keep, done: &mut Tidied) -> bool {
    let mut any = false;
    for entry in entries.iter_mut().filter(|entry| !entry.raw.is_empty()) {
        if keep.keeps(entry) {
            done.kept += 1;
            continue;
        }
        let raw = std::mem::take(&mut entry.raw);
        let bytes = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        entry.removed = Some(Removed { bytes, digest: digest_of(&raw) });
        done.messages += 1;
        done.bytes += u64::from(bytes);
        any = true;
    }
    any
}

impl Segment {
    /// Moves the segment's file into another folder, which may be another file system; its seal
    /// stays here and a copy goes along. What arrives is synced and read back before the file
    /// here is removed.
    pub fn move_to(&self, folder: &Path) -> Result<PathBuf, Error> {
        let seal = self.seal()?;
        let copy = |from: PathBuf| {
            let name = from.file_name().unwrap_or_default();
            let to = folder.join(name);
            let part = Segment::part_of(&to);
            fs::copy(&from, &part).map_err(|error| Error::open(&part, &error))?;
            publish(&part, &to)?;
            Ok::<_, Error>(to)
        };
        copy(self.seal_path())?;
        let there = copy(self.path())?;
        let end = Reader::verify_segment(&there)?;
        if end.tip != seal.to {
            return Err(Broken { seq: end.tip.seq, why: Why::Differs { expected: seal.to } }.into());
        }
        self.remove_file()?;
        Ok(there)
    }

    /// Removes the segment's file for good. Its seal stays, so that the chain can be followed
    /// over the gap; what it held is lost unless there is a copy elsewhere.
    pub fn drop_file(&self) -> Result<(), Error> {
        self.seal()?;
        self.remove_file()
    }

    fn remove_file(&self) -> Result<(), Error> {
        remove(&self.path())?;
        sync_folder(&self.path())
    }
}
