//! A segment's postings as blocks of bytes: written once, sorted, each found by its first term.
//!
//! A block holds, one after another: how much greater the term is than the one before (varint; 0
//! for the first, which is the block's own key), how many messages have it (varint), and which:
//! the first as two bytes, the others as differences (varint). Where a bitmap of all the segment's
//! messages is shorter, the number is 0 and the bitmap follows.

use super::terms::{TERM_BITS, Term};

/// How many bits of a posting name the message within its segment.
pub(super) const ENTRY_BITS: u32 = 14;
/// How many entries a segment has.
pub(super) const SEGMENT_ENTRIES: usize = 1 << ENTRY_BITS;
/// The bytes at which a block is full: with SQLite's own bytes it fills a page of 4 KiB.
const BLOCK_BYTES: usize = 3_900;
const BITMAP_BYTES: usize = SEGMENT_ENTRIES / 8;
const WORDS: usize = SEGMENT_ENTRIES / 64;

/// A term and a message of a segment in one number, which sorts as wanted.
pub(super) type Posting = u64;

pub(super) fn posting(term: Term, entry: u16) -> Posting {
    term << ENTRY_BITS | u64::from(entry)
}

pub(super) fn term_of(posting: Posting) -> Term {
    posting >> ENTRY_BITS
}

pub(super) fn entry_of(posting: Posting) -> u16 {
    u16::try_from(posting & (SEGMENT_ENTRIES as u64 - 1)).expect("14 bits are a u16")
}

/// The key of a block: the segment above the first term.
pub(super) fn key(segment: u64, term: Term) -> i64 {
    i64::try_from(segment << TERM_BITS | term).unwrap_or(i64::MAX)
}

/// The first term of the block with this key.
pub(super) fn first_term(key: i64) -> Term {
    u64::try_from(key).unwrap_or(0) & ((1 << TERM_BITS) - 1)
}

/// Which messages of a segment: a bit for each.
#[derive(Clone)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Bits {
    pub(super) fn none() -> Self {
        Bits(Box::new([0; WORDS]))
    }

    pub(super) fn set(&mut self, entry: u16) {
        if let Some(word) = self.0.get_mut(usize::from(entry >> 6)) {
            *word |= 1 << (entry & 63);
        }
    }

    /// Keeps what is in both; false where nothing is left.
    pub(super) fn keep(&mut self, other: &Bits) -> bool {
        let mut any = 0;
        for (own, other) in self.0.iter_mut().zip(other.0.iter()) {
            *own &= other;
            any |= *own;
        }
        any != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The messages, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().rev().flat_map(|(at, word)| {
            (0..64).rev().filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }
}

/// Makes the blocks of a segment from its postings.
#[derive(Debug)]
pub(super) struct Blocks {
    segment: u64,
    block: Vec<u8>,
    /// What one term takes.
    one: Vec<u8>,
    first: Term,
    last: Term,
}

impl Blocks {
    /// Those of this segment.
    pub(super) fn of(segment: u64) -> Self {
        let block = Vec::with_capacity(BLOCK_BYTES + BITMAP_BYTES);
        Blocks { segment, block, one: Vec::with_capacity(BITMAP_BYTES), first: 0, last: 0 }
    }

    /// Takes postings, which are sorted, each there once, behind those before, and all that there
    /// are of their terms. What fills a block is given to `take` with its key.
    pub(super) fn add<E>(
        &mut self,
        postings: &[Posting],
        mut take: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for same in postings.chunk_by(|a, b| term_of(*a) == term_of(*b)) {
            let term = term_of(same[0]);
            self.one.clear();
            encode_one(same, &mut self.one);
            if !self.block.is_empty() && self.block.len() + self.one.len() + 8 > BLOCK_BYTES {
                self.end(&mut take)?;
            }
            if self.block.is_empty() {
                (self.first, self.last) = (term, term);
            }
            write_varint(term - self.last, &mut self.block);
            self.block.extend_from_slice(&self.one);
            self.last = term;
        }
        Ok(())
    }

    /// Ends the block that is begun.
    pub(super) fn end<E>(
        &mut self,
        mut take: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.block.is_empty() {
            take(key(self.segment, self.first), &self.block)?;
            self.block.clear();
        }
        Ok(())
    }
}

/// The blocks of a segment from all of its postings, which are sorted and each there once.
#[cfg(test)]
pub(super) fn encode<E>(
    segment: u64,
    postings: &[Posting],
    mut take: impl FnMut(i64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut blocks = Blocks::of(segment);
    blocks.add(postings, &mut take)?;
    blocks.end(take)
}

fn encode_one(same: &[Posting], out: &mut Vec<u8>) {
    write_varint(same.len() as u64, out);
    let mut entries = same.iter().map(|posting| entry_of(*posting));
    let mut last = entries.next().unwrap_or(0);
    out.extend_from_slice(&last.to_le_bytes());
    for entry in entries {
        write_varint(u64::from(entry - last), out);
        last = entry;
    }
    if out.len() <= BITMAP_BYTES + 1 {
        return;
    }
    let mut bits = Bits::none();
    for posting in same {
        bits.set(entry_of(*posting));
    }
    out.clear();
    out.push(0);
    out.extend(bits.0.iter().flat_map(|word| word.to_le_bytes()));
}

/// Puts the messages that have `wanted` into `bits`. `first` is the block's first term. None
/// where the bytes are not a block.
pub(super) fn look_up(body: &[u8], first: Term, wanted: Term, bits: &mut Bits) -> Option<()> {
    let mut rest = body;
    let mut term = first;
    while !rest.is_empty() {
        term += read_varint(&mut rest)?;
        if term > wanted {
            return Some(());
        }
        let found = term == wanted;
        let number = read_varint(&mut rest)?;
        if number == 0 {
            let bitmap = take(&mut rest, BITMAP_BYTES)?;
            if found {
                let words = bitmap.as_chunks::<8>().0;
                for (own, bytes) in bits.0.iter_mut().zip(words) {
                    *own |= u64::from_le_bytes(*bytes);
                }
            }
        } else {
            let start = take(&mut rest, 2)?;
            let mut entry = u64::from(u16::from_le_bytes([start[0], start[1]]));
            for at in 0..number {
                if at > 0 {
                    entry += read_varint(&mut rest)?;
                }
                if found {
                    bits.set(u16::try_from(entry).ok()?);
                }
            }
        }
        if found {
            return Some(());
        }
    }
    Some(())
}

fn take<'b>(rest: &mut &'b [u8], bytes: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

pub(super) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).expect("7 bits are a u8")
}

pub(super) fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn blocks(postings: &[Posting]) -> BTreeMap<i64, Vec<u8>> {
        let mut blocks = BTreeMap::new();
        let taken: Result<(), Infallible> = encode(3, postings, |key, body| {
            blocks.insert(key, body.to_vec());
            Ok(())
        });
        assert!(taken.is_ok());
        blocks
    }

    fn found(blocks: &BTreeMap<i64, Vec<u8>>, term: Term) -> Vec<usize> {
        let mut bits = Bits::none();
        if let Some((at, body)) = blocks.range(..=key(3, term)).next_back() {
            look_up(body, first_term(*at), term, &mut bits).unwrap();
        }
        bits.newest_first().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn what_is_written_is_found(
            pairs in prop::collection::vec((0_u64..40, 0_u16..32_768), 0..4_000),
            wide in prop::collection::vec((0_u64..1 << TERM_BITS, 0_u16..32_768), 0..900),
        ) {
            let every = (0..20_000_u16).map(|entry| posting(77, entry));
            let pairs = pairs.iter().chain(&wide).map(|(term, entry)| posting(*term, *entry));
            let mut postings: Vec<Posting> = pairs.chain(every).collect();
            postings.sort_unstable();
            postings.dedup();
            let blocks = blocks(&postings);
            for term in (0..45).chain([77]).chain(wide.iter().map(|(term, _)| *term).take(40)) {
                let expected: Vec<usize> = postings.iter().rev()
                    .filter(|p| term_of(**p) == term)
                    .map(|p| usize::from(entry_of(*p)))
                    .collect();
                prop_assert_eq!(found(&blocks, term), expected);
            }
        }

        #[test]
        fn other_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            look_up(&body, 5, 9, &mut Bits::none());
        }
    }

    #[test]
    fn a_block_fills_a_page_and_no_more() {
        let unique: Vec<Posting> =
            (0..20_000_u16).map(|n| posting(u64::from(n) << 20, n)).collect();
        let blocks = blocks(&unique);
        assert!(blocks.len() > 10);
        assert!(blocks.values().all(|body| body.len() <= BLOCK_BYTES));
    }
}
