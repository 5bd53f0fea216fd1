//! The three states of an HL7 value.

use std::borrow::Cow;

/// Whether a value was sent. HL7 2.5.1 §2.5.3: an empty field says nothing about the stored
/// value, while `""` orders it to be deleted, so the two must never be confused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence<T> {
    /// Nothing was sent: no change is asked for.
    Absent,
    /// `""` was sent: the stored value is to be deleted.
    Null,
    /// A value was sent.
    Value(T),
}

impl<T> Presence<T> {
    /// True where nothing was sent.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// True where `""` was sent.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// True where a value was sent.
    pub fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// The value, with `Absent` and `Null` both as `None`. Use it only where a deletion means
    /// the same as silence.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Changes the value and keeps the state.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Presence<U> {
        match self {
            Self::Absent => Presence::Absent,
            Self::Null => Presence::Null,
            Self::Value(value) => Presence::Value(change(value)),
        }
    }
}

impl<'a> Presence<Cow<'a, str>> {
    /// The text, empty where nothing or a deletion was sent.
    pub fn text(self) -> Cow<'a, str> {
        self.into_option().unwrap_or(Cow::Borrowed(""))
    }
}
