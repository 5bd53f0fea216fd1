//! Rules of a dialect that change a message before it is understood, or before it is sent.
//!
//! ```toml
//! [[dialect.NAME.move]]
//! from = "ZRX-3"
//! to = "RXE-2.1"
//! when = { type = "RDE", field = "PV1-2", is = "I" }
//! ```
//!
//! They run in this order, whatever the order in the file: copy, move, clear, set, default,
//! translate; rules of one kind run as they stand in the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// The most rules of one kind in one dialect, and the most codes of one table.
pub(crate) const MAX_RULES: usize = 1_000;
/// The most codes of one table.
pub(crate) const MAX_CODES: usize = 100_000;

/// A table of codes: the peer's word, and ours.
pub type Table = BTreeMap<String, String>;

/// Which messages a rule is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// Those that come in.
    #[default]
    In,
    /// Those that go out.
    Out,
    /// All.
    Both,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the peer to us.
    In,
    /// From us to the peer.
    Out,
}

impl On {
    pub(crate) fn takes(self, way: Way) -> bool {
        matches!((self, way), (On::Both, _) | (On::In, Way::In) | (On::Out, Way::Out))
    }
}

/// Takes the value of one place to another. Where there is nothing, nothing happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taking {
    /// From where.
    pub from: Place,
    /// To where. The segment has to be there.
    pub to: Place,
    /// Which messages.
    #[serde(default)]
    pub on: On,
    /// On which condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Writes a value that is always the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Where. The segment has to be there.
    pub field: Place,
    /// What; text, not escaped.
    pub value: String,
    /// Which messages.
    #[serde(default)]
    pub on: On,
    /// On which condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Empties a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clearing {
    /// Where.
    pub field: Place,
    /// Which messages.
    #[serde(default)]
    pub on: On,
    /// On which condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Puts other words for codes. On the way in the peer's word becomes ours; on the way out the
/// table is read the other way round, and where several words of the peer are one of ours the
/// first in the alphabet is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// Where the codes stand.
    pub fields: Vec<Place>,
    /// The name of the table, of `tables`.
    pub table: String,
    /// What to do with a code that the table does not hold.
    #[serde(default)]
    pub unknown: Unknown,
    /// Which messages.
    #[serde(default)]
    pub on: On,
    /// On which condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// What to do with a code that no table holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It stays as it is.
    #[default]
    Keep,
    /// It stays as it is, and one case asks somebody to add it (on the way out: it stays).
    Case,
    /// The message is parked (on the way out: it is not sent, with a case).
    Park,
    /// It is left out.
    Clear,
}

/// The condition of a rule. All that it names must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The message's type: `RDE`, or `RDE^O11` for one event.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A place, of the same order as the one that the rule changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Place>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Values, of which it has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
    /// Whether it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
}

/// Why the rules of a dialect cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A rule names a table that is not there.
    #[error("a rule names the table `{0}`, which is not there; add `tables.{0}`")]
    NoTable(String),
    /// A condition asks nothing of its field, or asks something of none.
    #[error("a `when` needs `field` together with `is`, `one_of` or `empty`, or `type` alone")]
    Condition,
    /// A rule changes MSH-1 or MSH-2, by which the message is read.
    #[error("a rule changes {0}, by which the message is read; leave it out")]
    Separators(String),
    /// There are too many.
    #[error("there are more than {0} {1}; use a script")]
    TooMany(usize, &'static str),
}

impl When {
    pub(crate) fn check(&self) -> Result<(), RuleError> {
        let asks = self.is.is_some() || !self.one_of.is_empty() || self.empty.is_some();
        let nothing = self.kind.is_none() && self.field.is_none();
        if asks == self.field.is_some() && !nothing { Ok(()) } else { Err(RuleError::Condition) }
    }
}
