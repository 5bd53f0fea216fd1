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
/// The newest events whose places are kept one by one.
pub const MAX_RECENT: usize = 500;
/// The marks that are kept, the newest ones: from them older events are found again.
pub const MAX_MARKS: usize = 200;
/// After how many events there is another mark.
const MARK_EVENTS: u64 = 250;
/// After how many entries of the journal there is another mark, however few events they held: at
/// the first event that is taken then. The edge has it noted how far was looked before an event
/// that comes after a long time, so that the mark is near to it.
const MARK_ENTRIES: u64 = 16_384;
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

    /// The entry that has the next facts after the place.
    pub fn next_seq(self) -> u64 {
        if self == Place::end_of(self.seq) { self.seq + 1 } else { self.seq }
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

/// From where events are found again that are older than those whose places are kept: the journal
/// is looked through once more, and the same events have the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, Place)", from = "(u64, Place)")]
pub struct Mark {
    /// How many events had been taken.
    pub events: u64,
    /// How far was looked for them: the next event is the first one after it.
    pub looked: Place,
}

impl From<(u64, Place)> for Mark {
    fn from((events, looked): (u64, Place)) -> Self {
        Mark { events, looked }
    }
}

impl From<Mark> for (u64, Place) {
    fn from(mark: Mark) -> Self {
        (mark.events, mark.looked)
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
    /// From where older ones are found again. What its client asks for is the same since the first
    /// of them.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub marks: VecDeque<Mark>,
}

impl Subscription {
    /// The number of the oldest event whose place is kept; one more than `events` where there is
    /// none.
    pub fn oldest(&self) -> u64 {
        self.events + 1 - u64::try_from(self.recent.len()).unwrap_or(self.events)
    }

    /// The number of the oldest event that can be told again: by its place, or because it is found
    /// from a mark; one more than `events` where there is none.
    pub fn reaches(&self) -> u64 {
        self.marks.front().map_or(u64::MAX, |mark| mark.events + 1).min(self.oldest())
    }

    /// The mark from which an event is found with the least looking.
    pub fn mark_before(&self, number: u64) -> Option<Mark> {
        self.marks.iter().rev().find(|mark| mark.events < number).copied()
    }

    /// Marks where the next events are found, where the last mark is far enough away.
    fn mark(&mut self) {
        let near = self.marks.back().is_some_and(|last| {
            self.events - last.events < MARK_EVENTS
                && self.looked.seq.saturating_sub(last.looked.seq) < MARK_ENTRIES
        });
        if !near {
            self.marks.push_back(Mark { events: self.events, looked: self.looked });
            let over = self.marks.len().saturating_sub(MAX_MARKS);
            self.marks.drain(..over);
        }
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
                // It may ask for other events from now on.
                self.marks.clear();
            }
            Change::Stands { version, status, reason, .. } => {
                self.version = *version;
                self.status = *status;
                self.reason.clone_from(reason);
            }
            Change::Took { events, looked, .. } => {
                if !events.is_empty() {
                    self.mark();
                }
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

    /// A client wrote it, and is told what comes after the entry.
    fn written(id: &Id, version: u64, after: u64) -> Change {
        Change::Written {
            id: id.clone(),
            version,
            owner: "app".into(),
            headers: vec![],
            status: Status::Requested,
            looked: Some(Place::end_of(after)),
        }
    }

    #[test]
    fn numbers_go_on_and_the_newest_places_stay() {
        let id = Id::new("s").unwrap();
        let mut one = written(&id, 1, 7).first().unwrap();
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
        one.fold(&written(&id, 4, 1_000));
        one.fold(&took(700, 1));
        assert_eq!((one.events, one.looked), (604, Place::end_of(1000)));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Subscription>(&json).unwrap(), one);
    }

    #[test]
    fn marks_reach_back_beyond_the_places() {
        let id = Id::new("s").unwrap();
        let mut one = written(&id, 1, 7).first().unwrap();
        assert_eq!(one.reaches(), 1);
        // Events come a hundred at a time, each in an entry of its own from 8 on.
        let take = |one: &mut Subscription, times: u64| {
            for _ in 0..times {
                let from = one.events + 8;
                let events = (from..from + 100).map(|seq| Place { seq, ordinal: 0 }).collect();
                let looked = Place { seq: from + 99, ordinal: 0 };
                one.fold(&Change::Took { id: id.clone(), events, looked });
            }
        };
        take(&mut one, 20);
        assert_eq!((one.events, one.oldest(), one.reaches()), (2_000, 1_501, 1));
        let mark = |events| Mark { events, looked: Place { seq: events + 7, ordinal: 0 } };
        assert_eq!(one.mark_before(1), Some(Mark { events: 0, looked: Place::end_of(7) }));
        assert_eq!(one.mark_before(301), Some(mark(300)));
        assert_eq!(one.mark_before(300), Some(Mark { events: 0, looked: Place::end_of(7) }));
        assert_eq!(one.mark_before(1_499), Some(mark(1_200)));
        // So many are kept.
        take(&mut one, 600);
        assert_eq!(one.marks.len(), MAX_MARKS);
        assert_eq!((one.events, one.reaches()), (62_000, 2_101));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Subscription>(&json).unwrap(), one);
        // Few events in many entries have marks of their own.
        one.fold(&Change::Took { id: id.clone(), events: vec![], looked: Place::end_of(90_000) });
        let place = Place { seq: 100_000, ordinal: 0 };
        one.fold(&Change::Took { id: id.clone(), events: vec![place], looked: place });
        let last = Mark { events: 62_000, looked: Place::end_of(90_000) };
        assert_eq!(one.mark_before(62_001), Some(last));
        // Whoever asks for something else has its own numbers.
        one.fold(&Change::Written {
            id: id.clone(),
            version: 2,
            owner: "app".into(),
            headers: vec![],
            status: Status::Requested,
            looked: None,
        });
        assert_eq!((one.reaches(), one.oldest()), (61_502, 61_502));
    }

    #[test]
    fn a_header_is_never_displayed() {
        let header = Header { name: "Authorization".into(), value: "Bearer abc".into() };
        assert_eq!(format!("{header:?}"), "Authorization: ***");
    }
}
