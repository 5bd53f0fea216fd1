//! What a verification says.

use std::fmt;

use crate::Position;

/// A chain without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The bytes of all heads and raw messages together.
    pub bytes: u64,
    /// When the first entry was recorded: microseconds since 1970-01-01T00:00:00Z.
    pub first_at: Option<i64>,
    /// When the last entry was recorded, in the same unit.
    pub last_at: Option<i64>,
    /// The last entry's position.
    pub tip: Position,
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
