//! Subscriptions of FHIR clients: whose they are, how they stand, and how far each was told.
//!
//! What a subscriber is told is nowhere kept beside the facts: each subscription has a place in the
//! journal up to which it was looked through, and the number of events that were found there. The
//! edge that tells them reads on from that place. What the journal keeps of it are three facts: a
//! client wrote a subscription, it stands differently, its subscriber took these events.
//!
//! The values of headers that a client gives for its endpoint are secrets. They stand here and in
//! no resource: the one that is stored has [`MASK`] in their place.

mod act;
mod admit;
mod standing;

use std::collections::VecDeque;
use std::fmt;

use fhir::Id;
use serde::{Deserialize, Serialize};

pub(crate) use act::act;
pub use act::{Act, Told};
pub use admit::Wish;
pub(crate) use admit::{Written, admit, end};
pub use standing::{Change, Status};

/// The most subscriptions of one client.
pub const MAX_OF_CLIENT: usize = 50;
/// The most subscriptions of a site.
pub const MAX_OF_SITE: usize = 500;
/// The events that can be asked for again, the newest ones.
pub const MAX_RECENT: usize = 500;
/// The most events that a subscriber is told at once.
pub const MAX_TOLD: usize = 100;
/// What stands in a resource in the place of a header's value.
pub const MASK: &str = "***";

/// A place in the journal: a fact of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "(u64, u64)", from = "(u64, u64)")]
pub struct Place {
    /// The number of the entry.
    pub seq: u64,
    /// The index of the fact in it, from 0.
    pub ordinal: u64,
}

impl Place {
    /// The end of an entry: whatever facts it has, they are before it.
    pub fn end_of(seq: u64) -> Self {
        Place { seq, ordinal: u64::from(u32::MAX) }
    }
}

impl From<(u64, u64)> for Place {
    fn from((seq, ordinal): (u64, u64)) -> Self {
        Place { seq, ordinal }
    }
}

impl From<Place> for (u64, u64) {
    fn from(place: Place) -> Self {
        (place.seq, place.ordinal)
    }
}

/// A header that an endpoint is called with. Its value is a secret and is never displayed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {MASK}", self.name)
    }
}

/// A subscription as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The id of the resource.
    pub id: Id,
    /// The version of the resource that says how it stands.
    pub version: u64,
    /// The client whose it is.
    pub owner: String,
    /// With what its endpoint is called.
    pub headers: Vec<Header>,
    /// How it stands.
    pub status: Status,
    /// Why it stands so, where it is an error; a code and words, without patient data.
    pub reason: Option<String>,
    /// How far the journal was looked through for it.
    pub looked: Place,
    /// How many events its subscriber took.
    pub events: u64,
    /// Where the newest of these are, the last one being event number `events`.
    pub recent: VecDeque<Place>,
}

impl Subscription {
    /// The number of the oldest event that can be asked for again; one more than `events` where
    /// there is none.
    pub fn oldest(&self) -> u64 {
        self.events + 1 - u64::try_from(self.recent.len()).unwrap_or(self.events)
    }

    /// Takes a change in. What comes to a subscription in any order leaves its numbers as they
    /// are: they count what its subscriber took.
    pub(crate) fn fold(&mut self, change: &Change) {
        match change {
            Change::Written { version, owner, headers, status, looked, .. } => {
                self.version = *version;
                self.owner.clone_from(owner);
                self.headers.clone_from(headers);
                self.status = *status;
                self.reason = None;
                self.looked = looked.map_or(self.looked, |looked| looked.max(self.looked));
            }
            Change::Stands { version, status, reason, .. } => {
                self.version = *version;
                self.status = *status;
                self.reason.clone_from(reason);
            }
            Change::Took { events, looked, .. } => {
                self.looked = self.looked.max(*looked);
                self.events += u64::try_from(events.len()).unwrap_or_default();
                self.recent.extend(events);
                let over = self.recent.len().saturating_sub(MAX_RECENT);
                self.recent.drain(..over);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_and_the_newest_places_stay() {
        let id = Id::new("s").unwrap();
        let written = Change::Written {
            id: id.clone(),
            version: 1,
            owner: "app".into(),
            headers: vec![],
            status: Status::Requested,
            looked: Some(Place::end_of(7)),
        };
        let mut one = written.first().unwrap();
        assert_eq!((one.events, one.oldest(), one.looked), (0, 1, Place::end_of(7)));
        let places = |from: u64, n: u64| (from..from + n).map(|seq| Place { seq, ordinal: 0 });
        let took = |from, n| Change::Took {
            id: id.clone(),
            events: places(from, n).collect(),
            looked: Place::end_of(from + n),
        };
        one.fold(&took(8, 3));
        assert_eq!((one.events, one.oldest(), one.looked), (3, 1, Place::end_of(11)));
        one.fold(&took(20, 600));
        assert_eq!((one.events, one.oldest()), (603, 104));
        assert_eq!(one.recent.back(), Some(&Place { seq: 619, ordinal: 0 }));
        // It was switched on anew, and skipped what happened meanwhile; an old word comes late.
        one.fold(&Change::Written {
            id: id.clone(),
            version: 4,
            owner: "app".into(),
            headers: vec![],
            status: Status::Requested,
            looked: Some(Place::end_of(1000)),
        });
        one.fold(&took(700, 1));
        assert_eq!((one.events, one.looked), (604, Place::end_of(1000)));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Subscription>(&json).unwrap(), one);
    }

    #[test]
    fn a_header_is_never_displayed() {
        let header = Header { name: "Authorization".into(), value: "Bearer abc".into() };
        assert_eq!(format!("{header:?}"), "Authorization: ***");
    }
}
