//! Blocks: sorted keys with their numbers, in a page or less.
//!
//! An entry is: how many bytes of the key are those of the key before (1 byte), how many follow
//! (1), these, how many numbers there are, and the numbers: the first as the distance from the
//! first of the run, the others from the one before, all seven bits to a byte. A key with more
//! numbers than fit goes on in the next entry or block.

use crate::Error;

/// The most bytes of a block, so that it fits a page with its row.
pub(super) const BLOCK_BYTES: usize = 3_900;
/// The most numbers of one entry: at five bytes each they leave room in a block.
const ENTRY_NUMBERS: usize = 512;
/// What an entry takes at most beside its numbers.
const ENTRY_BYTES: usize = 2 + fhir_search::MAX_KEY_BYTES + 5;

/// A block on its way into the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) first: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// Writes the blocks of a run.
#[derive(Debug)]
pub(super) struct Writer {
    /// The first number of the run.
    base: u32,
    key: Vec<u8>,
    numbers: Vec<u32>,
    /// The key before, within the block.
    last: Vec<u8>,
    block: Block,
}

impl Writer {
    pub(super) fn new(base: u32) -> Self {
        let block = Block { first: Vec::new(), body: Vec::new() };
        Self { base, key: Vec::new(), numbers: Vec::new(), last: Vec::new(), block }
    }

    /// Adds a posting. Keys come in order, and the numbers of a key; what comes twice counts once.
    pub(super) fn add(&mut self, key: &[u8], number: u32, out: &mut dyn FnMut(Block)) {
        if self.key != key {
            self.entry(out);
            self.key.clear();
            self.key.extend_from_slice(key);
        } else if self.numbers.last() == Some(&number) {
            return;
        } else if self.numbers.len() == ENTRY_NUMBERS {
            self.entry(out);
        }
        self.numbers.push(number);
    }

    /// Writes what is left.
    pub(super) fn end(mut self, out: &mut dyn FnMut(Block)) {
        self.entry(out);
        self.close(out);
    }

    fn entry(&mut self, out: &mut dyn FnMut(Block)) {
        if self.numbers.is_empty() {
            return;
        }
        if self.block.body.len() + ENTRY_BYTES + 5 * self.numbers.len() > BLOCK_BYTES {
            self.close(out);
        }
        if self.block.body.is_empty() {
            self.block.first.clone_from(&self.key);
        }
        let shared = self.last.iter().zip(&self.key).take_while(|(a, b)| a == b).count();
        let body = &mut self.block.body;
        let small = |length| u8::try_from(length).expect("a key is shorter than 256 bytes");
        body.extend([small(shared), small(self.key.len() - shared)]);
        body.extend_from_slice(&self.key[shared..]);
        write(u32::try_from(self.numbers.len()).expect("at most 512"), body);
        let mut before = self.base;
        for number in self.numbers.drain(..) {
            write(number - before, body);
            before = number;
        }
        self.last.clone_from(&self.key);
    }

    fn close(&mut self, out: &mut dyn FnMut(Block)) {
        if !self.block.body.is_empty() {
            let block = Block { first: Vec::new(), body: Vec::with_capacity(BLOCK_BYTES) };
            out(std::mem::replace(&mut self.block, block));
            self.last.clear();
        }
    }
}

fn write(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Reads the entries of a block, one after the other.
#[derive(Debug, Default)]
pub(super) struct Entries {
    body: Vec<u8>,
    at: usize,
    base: u32,
    key: Vec<u8>,
    numbers: Vec<u32>,
}

impl Entries {
    /// The entries of a block of the run that begins at `base`.
    pub(super) fn set(&mut self, body: &[u8], base: u32) {
        self.body.clear();
        self.body.extend_from_slice(body);
        (self.at, self.base) = (0, base);
        self.key.clear();
    }

    /// Goes to the next entry; false where there is none.
    pub(super) fn next(&mut self, wanted: impl FnOnce(&[u8]) -> bool) -> Result<bool, Error> {
        if self.at == self.body.len() {
            return Ok(false);
        }
        let wrong = || Error::Corrupt("a block of postings".into());
        let shared = usize::from(self.byte()?);
        let more = usize::from(self.byte()?);
        let rest = self.body.get(self.at..self.at + more).ok_or_else(wrong)?;
        if shared > self.key.len() {
            return Err(wrong());
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(rest);
        self.at += more;
        let count = self.number()?;
        self.numbers.clear();
        if !wanted(&self.key) {
            return self.skip(count).map(|()| true);
        }
        let mut before = self.base;
        for _ in 0..count {
            before = before.checked_add(self.number()?).ok_or_else(wrong)?;
            self.numbers.push(before);
        }
        Ok(true)
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The numbers of the entry; none of one that was not wanted.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    fn skip(&mut self, count: u32) -> Result<(), Error> {
        for _ in 0..count {
            while self.byte()? >= 0x80 {}
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.body.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| Error::Corrupt("a block of postings".into()))
    }

    fn number(&mut self) -> Result<u32, Error> {
        let (mut number, mut shift) = (0_u32, 0);
        loop {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
            if shift > 28 {
                return Err(Error::Corrupt("a block of postings".into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(postings: &[(Vec<u8>, u32)], base: u32) -> Vec<Block> {
        let (mut writer, mut all) = (Writer::new(base), Vec::new());
        for (key, number) in postings {
            writer.add(key, *number, &mut |block| all.push(block));
        }
        writer.end(&mut |block| all.push(block));
        all
    }

    fn read(blocks: &[Block], base: u32) -> Vec<(Vec<u8>, u32)> {
        let (mut entries, mut all) = (Entries::default(), Vec::new());
        for block in blocks {
            entries.set(&block.body, base);
            let mut first = true;
            while entries.next(|_| true).unwrap() {
                assert!(!first || entries.key() == block.first);
                first = false;
                all.extend(entries.numbers().iter().map(|n| (entries.key().to_vec(), *n)));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            mut postings in prop::collection::vec(
                (prop::collection::vec(0_u8..4, 1..12), 7_u32..100_000), 0..4_000),
        ) {
            postings.sort();
            postings.dedup();
            let blocks = blocks(&postings, 7);
            prop_assert!(blocks.iter().all(|block| block.body.len() <= BLOCK_BYTES));
            prop_assert_eq!(read(&blocks, 7), postings);
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut entries = Entries::default();
            entries.set(&body, 0);
            while let Ok(true) = entries.next(|_| true) {}
        }
    }

    #[test]
    fn a_long_list_goes_on() {
        let postings: Vec<_> = (0..9_000).map(|n| (vec![1, 2], n * 300)).collect();
        let blocks = blocks(&postings, 0);
        assert!(blocks.len() > 3);
        assert_eq!(read(&blocks, 0), postings);
    }
}
