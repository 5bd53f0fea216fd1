//! A block: some hundreds of entries compressed together, heads with heads and messages with
//! messages.
//!
//! Neighbours resemble each other far more than an entry resembles any dictionary, so that a
//! block of 512 KiB comes down to a thirtieth where an entry alone comes down to a third. It is
//! zlib because every language's standard library reads that, Python's among them.

use std::io::{Read, Write};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

use crate::{
    Broken, Entry, Error, Hash, MAX_HEAD_BYTES, MAX_RAW_BYTES, Position, Removed, Why,
    hash::{digest_of, entry_hash_with},
};

/// The bytes of heads and messages after which a block is full: 512 KiB. Reading one entry means
/// decompressing its block, two or three milliseconds. Every block begins without knowing anything
/// of the one before it: at half the size its entries take a sixth more.
pub(crate) const BLOCK_BYTES: usize = 512 * 1024;
/// The most entries in one block.
pub(crate) const BLOCK_ENTRIES: usize = 4_096;
/// zlib's usual level: level 9 takes half as long again for two per cent.
const LEVEL: Compression = Compression::new(6);
/// The bytes of an item: `at`, two lengths, and whether the message is there.
const ITEM_BYTES: usize = 17;
/// The bytes of an item whose message was removed: the message's digest follows.
const REMOVED_ITEM_BYTES: usize = ITEM_BYTES + 32;

/// A block as it lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The position before its first entry.
    pub(crate) before: Position,
    /// The position of its last entry.
    pub(crate) tip: Position,
    /// `at`, lengths and flags, compressed.
    pub(crate) items: Vec<u8>,
    /// All heads one after the other, compressed.
    pub(crate) heads: Vec<u8>,
    /// All messages that are still there one after the other, compressed.
    pub(crate) raws: Vec<u8>,
}

impl Block {
    /// Packs entries that follow one another, at least one.
    pub(crate) fn pack(before: Position, entries: &[Entry]) -> Result<Self, Error> {
        let (mut items, mut heads, mut raws) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let raw_bytes = entry.removed.map_or(length(&entry.raw), |removed| removed.bytes);
            items.extend(entry.at.to_be_bytes());
            items.extend(length(&entry.head).to_be_bytes());
            items.extend(raw_bytes.to_be_bytes());
            items.push(u8::from(entry.removed.is_some()));
            if let Some(removed) = entry.removed {
                items.extend(removed.digest.0);
            }
            heads.extend_from_slice(&entry.head);
            raws.extend_from_slice(&entry.raw);
        }
        let tip = entries.last().map_or(before, Entry::position);
        let (items, heads, raws) = (compress(&items)?, compress(&heads)?, compress(&raws)?);
        Ok(Self { before, tip, items, heads, raws })
    }

    /// The entries, each checked against the one before it, and the last against [`Block::tip`].
    pub(crate) fn unpack(&self) -> Result<Vec<Entry>, Broken> {
        let first = self.before.seq.saturating_add(1);
        let broken = |seq, why: &str| Broken { seq, why: Why::Unreadable(why.to_owned()) };
        let most = BLOCK_ENTRIES * REMOVED_ITEM_BYTES;
        let items = expand(&self.items, most).ok_or_else(|| broken(first, "damaged items"))?;
        let items = Item::all(&items).ok_or_else(|| broken(first, "damaged items"))?;
        let heads = items.iter().map(|item| item.head).sum();
        let raws = items.iter().map(Item::kept).sum();
        let heads = exactly(&self.heads, heads).ok_or_else(|| broken(first, "damaged heads"))?;
        let raws = exactly(&self.raws, raws).ok_or_else(|| broken(first, "damaged messages"))?;
        let (mut heads, mut raws) = (heads.as_slice(), raws.as_slice());
        let mut tip = self.before;
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            let seq = tip.seq.saturating_add(1);
            // The sums were checked above, so that neither can run out.
            let (head, others) = heads.split_at(item.head);
            let (raw, more) = raws.split_at(item.kept());
            (heads, raws) = (others, more);
            let (bytes, digest) = match item.removed {
                Some(digest) => (item.raw, digest),
                None => (length(raw), digest_of(raw)),
            };
            let hash = entry_hash_with(&tip.hash, seq, item.at, head, bytes, &digest);
            tip = Position { seq, hash };
            let removed = item.removed.map(|digest| Removed { bytes, digest });
            let (head, raw) = (head.to_vec(), raw.to_vec());
            entries.push(Entry { seq, at: item.at, head, raw, removed, hash });
        }
        if tip == self.tip { Ok(entries) } else { Err(Broken { seq: first, why: Why::Altered }) }
    }
}

/// One entry's fixed part.
struct Item {
    at: i64,
    head: usize,
    raw: u32,
    removed: Option<Hash>,
}

impl Item {
    /// How many bytes of its message are in the block.
    fn kept(&self) -> usize {
        if self.removed.is_some() { 0 } else { self.raw as usize }
    }

    fn all(mut bytes: &[u8]) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        while !bytes.is_empty() {
            let (item, rest) = bytes.split_at_checked(ITEM_BYTES)?;
            bytes = rest;
            let number =
                |from: usize| Some(u32::from_be_bytes(item[from..from + 4].try_into().ok()?));
            let removed = match item[16] {
                0 => None,
                1 => {
                    let (digest, rest) = bytes.split_at_checked(32)?;
                    bytes = rest;
                    Some(Hash(digest.try_into().ok()?))
                }
                _ => return None,
            };
            let at = i64::from_be_bytes(item[..8].try_into().ok()?);
            let (head, raw) = (number(8)? as usize, number(12)?);
            if head > MAX_HEAD_BYTES || raw as usize > MAX_RAW_BYTES {
                return None;
            }
            items.push(Item { at, head, raw, removed });
        }
        Some(items)
    }
}

/// Whether a block that holds `entries` entries of `bytes` bytes takes no more.
pub(crate) fn is_full(entries: usize, bytes: usize) -> bool {
    entries >= BLOCK_ENTRIES || bytes >= BLOCK_BYTES
}

/// The length of a head or message, which [`crate::Draft::check`] keeps far below the most.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| Error::Io(error.to_string());
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 8), LEVEL);
    encoder.write_all(bytes).map_err(failed)?;
    encoder.finish().map_err(failed)
}

/// At most `most` bytes; `None` when it is more, or no zlib.
fn expand(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out).ok()?;
    (out.len() <= most).then_some(out)
}

fn exactly(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    expand(bytes, length).filter(|out| out.len() == length)
}
