//! What a verification says.

use std::fmt;

use crate::{Position, PublicKey, chain::Link};

/// A chain without a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were recomputed.
    pub entries: u64,
    /// The bytes of all heads and raw messages together, those that were removed not counted.
    pub bytes: u64,
    /// How many of the entries came with a message.
    pub messages: u64,
    /// The bytes of these messages as they were received, removed or not.
    pub message_bytes: u64,
    /// How many of these messages were removed when their time was over.
    pub removed: u64,
    /// The first and the last entry of each segment that was moved away or dropped: the chain was
    /// followed over it by its seal.
    pub away: Vec<(u64, u64)>,
    /// How many seals there are.
    pub seals: u64,
    /// The public keys of the seals: one for each seal that is signed, in their order.
    pub signed: Vec<PublicKey>,
    /// When the first entry was recorded: microseconds since 1970-01-01T00:00:00Z.
    pub first_at: Option<i64>,
    /// When the last entry was recorded, in the same unit.
    pub last_at: Option<i64>,
    /// The last entry's position.
    pub tip: Position,
}

impl Verified {
    /// Nothing yet, from this position on.
    pub(crate) fn nothing(tip: Position) -> Self {
        Self {
            entries: 0,
            bytes: 0,
            messages: 0,
            message_bytes: 0,
            removed: 0,
            away: Vec::new(),
            seals: 0,
            signed: Vec::new(),
            first_at: None,
            last_at: None,
            tip,
        }
    }

    /// Takes in an entry that was found good.
    pub(crate) fn count(&mut self, link: &Link<'_>) {
        let removed = link.removed.map_or(0, |removed| u64::from(removed.bytes));
        self.entries += 1;
        self.bytes += (link.head.len() + link.raw.len()) as u64;
        self.messages += u64::from(!link.raw.is_empty() || link.removed.is_some());
        self.message_bytes += link.raw.len() as u64 + removed;
        self.removed += u64::from(link.removed.is_some());
        self.first_at.get_or_insert(link.at);
        self.last_at = Some(link.at);
        self.tip = link.position;
    }
}

/// The first entry that is not as it must be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct Broken {
    /// The number that the entry has, or should have.
    pub seq: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not there; the next row has the number `next`.
    Missing {
        /// The number of the row that was found instead.
        next: i64,
    },
    /// Its stored hash does not follow from its content and the hash of the entry before it.
    Altered,
    /// Its columns do not have the documented types.
    Misshapen,
    /// It is sound, but not the entry that was expected at this place.
    Differs {
        /// What the caller holds from elsewhere.
        expected: Position,
    },
    /// The journal ends before it, although more was expected.
    Short {
        /// What the caller holds from elsewhere.
        expected: Position,
    },
    /// It cannot be read. The text is the answer of the database, without patient data.
    Unreadable(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { next } => write!(f, "it is missing; the next row is {next}"),
            Self::Altered => {
                f.write_str("its hash does not follow from its content and the entry before")
            }
            Self::Misshapen => f.write_str("its columns are not of the documented types"),
            Self::Differs { expected } => write!(f, "it is not the expected {}", expected.hash),
            Self::Short { expected } => {
                write!(f, "the journal ends before it; entry {} was expected", expected.seq)
            }
            Self::Unreadable(why) => write!(f, "it cannot be read ({why})"),
        }
    }
}
