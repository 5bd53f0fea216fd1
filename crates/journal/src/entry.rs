//! What goes into the journal and what comes out.

use crate::{Error, Hash, Position, hash::digest_of};

/// The most bytes in one head: 64 MiB.
pub const MAX_HEAD_BYTES: usize = 64 * 1024 * 1024;
/// The most bytes in one raw message: 64 MiB.
pub const MAX_RAW_BYTES: usize = 64 * 1024 * 1024;
/// The most entries in one batch, which is one transaction.
pub const MAX_BATCH_ENTRIES: usize = 65_536;

/// An entry before it has a place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// When the entry is recorded: microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The command, the facts and the answer: JSON in UTF-8, at most [`MAX_HEAD_BYTES`].
    pub head: Vec<u8>,
    /// The bytes as they were received, at most [`MAX_RAW_BYTES`]; empty when there were none.
    pub raw: Vec<u8>,
}

/// An entry of the journal. Nothing changes it once it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: from 1, without gaps.
    pub seq: u64,
    /// When it was recorded: microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The command, the facts and the answer: JSON in UTF-8.
    pub head: Vec<u8>,
    /// The bytes as they were received; empty when there were none and when they were removed.
    pub raw: Vec<u8>,
    /// What is known of a message that was removed when its time was over.
    pub removed: Option<Removed>,
    /// The hash over the entry and the hash of the one before it; see [`crate::entry_hash`].
    pub hash: Hash,
}

/// A message that is no longer there. The chain goes over its length and digest, so that it
/// verifies as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// How many bytes it had.
    pub bytes: u32,
    /// Its SHA-256.
    pub digest: Hash,
}

impl Draft {
    /// Whether the journal takes this draft. [`crate::Journal::append`] asks the same question,
    /// but there a refusal poisons the journal; a caller whose drafts depend on the outside asks
    /// here first. The answer is [`Error::Refused`] for a head or raw message that is too long
    /// and for a head that is not UTF-8.
    pub fn check(&self) -> Result<(), Error> {
        if self.head.len() > MAX_HEAD_BYTES {
            return Err(Error::Refused("its head is longer than 64 MiB"));
        }
        if self.raw.len() > MAX_RAW_BYTES {
            return Err(Error::Refused("its raw message is longer than 64 MiB"));
        }
        match std::str::from_utf8(&self.head) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Refused("its head is not UTF-8")),
        }
    }
}

impl Entry {
    /// The position of this entry.
    pub fn position(&self) -> Position {
        Position { seq: self.seq, hash: self.hash }
    }

    /// The SHA-256 of the bytes as they were received, also of those that were removed since;
    /// that of no bytes when there were none.
    pub fn digest(&self) -> Hash {
        self.removed.map_or_else(|| digest_of(&self.raw), |removed| removed.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: Vec<u8>, raw: Vec<u8>, refusal: Option<&'static str>) {
        match (Draft { at: 0, head, raw }.check(), refusal) {
            (Ok(()), None) => {}
            (Err(Error::Refused(why)), Some(expected)) => assert_eq!(why, expected),
            (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_draft_is_checked() {
        check(b"{}".to_vec(), vec![], None);
        check(b"{}".to_vec(), vec![0xff, 0x00], None);
        check("\u{1F48A}".into(), vec![b' '; MAX_RAW_BYTES], None);
        check(vec![0xff], vec![], Some("its head is not UTF-8"));
        check(vec![b' '; MAX_HEAD_BYTES + 1], vec![], Some("its head is longer than 64 MiB"));
        check(vec![], vec![b' '; MAX_RAW_BYTES + 1], Some("its raw message is longer than 64 MiB"));
    }
}
