//! The hash of an entry, and a position in the chain.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// What the genesis hash is computed over, before the name of the site.
const GENESIS_PREFIX: &[u8] = b"interlock journal v2\n";

/// A SHA-256 digest. Shown as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// A place in the chain: the sequence number of an entry and its hash.
///
/// Position 0 with the [`genesis`] hash is the place before the first entry. Shown and parsed as
/// `SEQ:HASH`, the form that `verify_journal.py --expect` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The sequence number of the last entry, or 0 when there is none.
    pub seq: u64,
    /// The hash of that entry, or the genesis hash.
    pub hash: Hash,
}

/// A text that is no [`Hash`] or no [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not exactly 64 hexadecimal digits.
    #[error("a hash is 64 hexadecimal digits")]
    Hash,
    /// Not a decimal number, a colon and a hash.
    #[error("a position is a sequence number, a colon and a hash of 64 hexadecimal digits")]
    Position,
}

/// The hash that stands before the first entry: SHA-256 of `interlock journal v2`, a line feed
/// and the name of the site. It ties every entry to its site, so that the journal of one
/// hospital can never pass for that of another.
pub fn genesis(site: &str) -> Hash {
    let mut sha = Sha256::new();
    sha.update(GENESIS_PREFIX);
    sha.update(site.as_bytes());
    Hash(sha.finalize().into())
}

/// The hash of one entry: SHA-256 over the hash of the entry before it (32 bytes), `seq` (u64),
/// `at` (i64), the length of `raw` (u32), the SHA-256 of `raw` (32 bytes), the length of `head`
/// (u32) and `head`; integers are big-endian. `docs/journal-format.md` is the reference.
///
/// `head` and `raw` are within [`crate::MAX_HEAD_BYTES`] and [`crate::MAX_RAW_BYTES`]; a longer
/// one, which no journal holds, is hashed with its length capped at `u32::MAX`.
pub fn entry_hash(previous: &Hash, seq: u64, at: i64, head: &[u8], raw: &[u8]) -> Hash {
    entry_hash_with(previous, seq, at, head, length(raw), &digest_of(raw))
}

/// The same, by the length and the digest of a message that need not be there.
pub(crate) fn entry_hash_with(
    previous: &Hash,
    seq: u64,
    at: i64,
    head: &[u8],
    raw_bytes: u32,
    raw_digest: &Hash,
) -> Hash {
    let mut prefix = [0; 88];
    prefix[..32].copy_from_slice(&previous.0);
    prefix[32..40].copy_from_slice(&seq.to_be_bytes());
    prefix[40..48].copy_from_slice(&at.to_be_bytes());
    prefix[48..52].copy_from_slice(&raw_bytes.to_be_bytes());
    prefix[52..84].copy_from_slice(&raw_digest.0);
    prefix[84..].copy_from_slice(&length(head).to_be_bytes());
    let mut sha = Sha256::new();
    sha.update(prefix);
    sha.update(head);
    Hash(sha.finalize().into())
}

/// SHA-256.
pub(crate) fn digest_of(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseError::Hash);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Position {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (seq, hash) = text.split_once(':').ok_or(ParseError::Position)?;
        Ok(Self {
            seq: seq.parse().map_err(|_| ParseError::Position)?,
            hash: hash.parse().map_err(|_| ParseError::Position)?,
        })
    }
}

fn nibble(digit: u8) -> Result<u8, ParseError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseError::Hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected digests were computed apart from this crate, with Python's `hashlib` over
    /// `struct.pack('>QqI', …)`, so that a change of the layout cannot pass unseen.
    #[test]
    fn the_layout_is_the_documented_one() {
        let start = genesis("RXX");
        assert_eq!(start.to_string(), GENESIS_OF_RXX);
        let first = entry_hash(&start, 1, 1_700_000_000_000_000, b"{\"a\":1}", b"MSH|^~\\&|");
        assert_eq!(first.to_string(), FIRST_OF_RXX);
        let second = entry_hash(&first, 2, -1, b"{}", b"");
        assert_eq!(second.to_string(), SECOND_OF_RXX);
    }

    #[test]
    fn moving_a_byte_from_head_to_raw_changes_the_hash() {
        let start = genesis("RXX");
        assert_ne!(entry_hash(&start, 1, 0, b"ab", b"c"), entry_hash(&start, 1, 0, b"a", b"bc"));
    }

    #[test]
    fn a_position_reads_back_as_shown() {
        let position = Position { seq: 42, hash: genesis("RXX") };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!(position.to_string().to_uppercase().parse(), Ok(position));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let hash = genesis("RXX").to_string();
        for text in ["", ":", "1", "1:", "-1:", "x:y", &hash, &format!("1:{hash}0")] {
            assert_eq!(text.parse::<Position>(), Err(ParseError::Position), "{text}");
        }
        assert_eq!("é".repeat(32).parse::<Hash>(), Err(ParseError::Hash));
    }

    const GENESIS_OF_RXX: &str = "ae9ec5dff3c38bc0aa0953086c85b551ef2430df586247404dce9762f805c7f4";
    const FIRST_OF_RXX: &str = "bd38df8ac7b6c1029f8bd7506330ca82038c42fa2ed8d75bd2abb19e892c2058";
    const SECOND_OF_RXX: &str = "782f904e6dbbd033a75ff57561510d8ed19de0160c6f0d6ef37ff8bf5ce38275";
}
