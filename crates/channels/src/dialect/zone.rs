//! What times that carry no offset mean.

use serde::{Deserialize, Serialize};

/// What a time without an offset means in the hour that the clocks going back repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AmbiguousHour {
    /// The first of the two hours, which is summer time.
    #[default]
    Earlier,
    /// The second of the two hours.
    Later,
    /// Neither: the message is parked; in the file also `reject`.
    #[serde(alias = "reject")]
    Park,
}
