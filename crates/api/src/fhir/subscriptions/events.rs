//! Events, read from the journal by their places.
//!
//! Nothing is kept for a subscriber beside its place in the journal. What is read is shared: most
//! subscribers wait for the same newest entries, which are read and understood once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Engine;
use fhir::{ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::subscriptions::Place;
use medicines::{Fact, Head};
use record::Reader;

use super::asked::Asked;
use super::topics::Focus;

/// The most entries that are read at once.
const PAGE_ENTRIES: usize = 128;
/// The most entries that are looked at for one answer.
const MAX_LOOKED: u64 = 8_192;
/// The most bytes of resources that are kept for other subscribers.
const MAX_KEPT_BYTES: usize = 32 << 20;

/// The most bytes of resources that are told at once, beside the first event.
const MAX_TOLD_BYTES: usize = 4 << 20;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) place: Place,
    pub(crate) at: Timestamp,
    pub(crate) focus: Focus,
}

impl Event {
    /// The bytes of its resource.
    fn bytes(&self) -> usize {
        match &self.focus {
            Focus::Stored(stored) => stored.json().len(),
            Focus::Deleted(_) | Focus::Case(_) => 0,
        }
    }
}

/// What was found from a place on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) events: Vec<Event>,
    /// How far was looked.
    pub(crate) looked: Option<Place>,
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// The entries have left this node with their segment.
    #[error("the events are in a part of the journal that is not on this node any more")]
    Moved,
    /// The journal or the record cannot be read.
    #[error("{0}")]
    Failed(String),
}

impl From<record::Error> for Unread {
    fn from(error: record::Error) -> Self {
        match error {
            record::Error::Journal(error) => error.into(),
            error => Unread::Failed(error.to_string()),
        }
    }
}

impl From<journal::Error> for Unread {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::Moved { .. } => Unread::Moved,
            error => Unread::Failed(error.to_string()),
        }
    }
}

/// What entries of the journal say, one after the other.
#[derive(Debug)]
struct Page {
    /// The last entry.
    last: u64,
    events: Vec<Event>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    /// By their first entries.
    pages: BTreeMap<u64, Arc<Page>>,
    bytes: usize,
}

/// Reads events. A clone shares what was read.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    engine: Engine,
    kept: Arc<Mutex<Kept>>,
}

impl Events {
    pub(crate) fn new(engine: Engine) -> Self {
        Events { engine, kept: Arc::default() }
    }

    /// The next events after a place that a subscription asks for, at most `limit`, and no more
    /// than [`MAX_TOLD_BYTES`] of resources where there is more than one. Blocks.
    pub(crate) fn after(&self, asked: &Asked, from: Place, limit: usize) -> Result<Found, Unread> {
        let recorded = *self.engine.progress().borrow();
        let readers = self.engine.readers();
        let record = readers.get()?;
        let (mut found, mut bytes) = (Found::default(), 0);
        let mut next = if from == Place::end_of(from.seq) { from.seq + 1 } else { from.seq };
        let until = recorded.min(next.saturating_add(MAX_LOOKED));
        while next <= until {
            let page = self.page(next, recorded)?;
            for event in page.events.iter().filter(|event| event.place > from) {
                if event.place.seq < next || !is_asked(asked, event, &record)? {
                    continue;
                }
                bytes += event.bytes();
                if let Some(last) = found.events.last().filter(|_| bytes > MAX_TOLD_BYTES) {
                    found.looked = Some(last.place);
                    return Ok(found);
                }
                found.events.push(event.clone());
                if found.events.len() == limit {
                    found.looked = Some(event.place);
                    return Ok(found);
                }
            }
            found.looked = Some(Place::end_of(page.last));
            next = page.last + 1;
        }
        Ok(found)
    }

    /// The events at these places, in their order: fewer than all where they have more than
    /// [`MAX_TOLD_BYTES`] of resources, but at least the first. Blocks.
    pub(crate) fn at(&self, places: &[Place]) -> Result<Vec<Event>, Unread> {
        let recorded = *self.engine.progress().borrow();
        let (mut events, mut bytes) = (Vec::with_capacity(places.len()), 0);
        for place in places {
            let page = self.page(place.seq, recorded)?;
            let found = page.events.iter().find(|event| event.place == *place);
            let lost = || Unread::Failed(format!("entry {} holds no such event", place.seq));
            let found = found.ok_or_else(lost)?;
            bytes += found.bytes();
            if !events.is_empty() && bytes > MAX_TOLD_BYTES {
                break;
            }
            events.push(found.clone());
        }
        Ok(events)
    }

    /// A page that has the entry in it.
    fn page(&self, seq: u64, recorded: u64) -> Result<Arc<Page>, Unread> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.pages.range(..=seq).next_back().map(|(_, page)| page);
        if let Some(known) = known.filter(|page| page.last >= seq) {
            return Ok(Arc::clone(known));
        }
        let page = Arc::new(self.read(seq, recorded)?);
        kept.bytes += page.bytes;
        if let Some(old) = kept.pages.insert(seq, Arc::clone(&page)) {
            kept.bytes -= old.bytes;
        }
        // The oldest entries are those that the fewest wait for.
        while kept.pages.len() > PAGE_ENTRIES || kept.bytes > MAX_KEPT_BYTES {
            let Some((_, oldest)) = kept.pages.pop_first() else { break };
            kept.bytes -= oldest.bytes;
        }
        Ok(page)
    }

    fn read(&self, seq: u64, recorded: u64) -> Result<Page, Unread> {
        let journal = self.engine.journal().map_err(|error| Unread::Failed(error.to_string()))?;
        let most = usize::try_from(recorded.saturating_sub(seq) + 1).unwrap_or(PAGE_ENTRIES);
        let entries = journal.read_from(seq, most.min(PAGE_ENTRIES))?;
        if entries.is_empty() {
            return Err(Unread::Failed(format!("entry {seq} is not in the journal")));
        }
        let mut page = Page { last: seq, events: Vec::new(), bytes: 0 };
        for entry in entries {
            page.last = entry.seq;
            if !has_events(&entry.head) {
                continue;
            }
            let head = Head::from_json(&entry.head)
                .map_err(|_| Unread::Failed(format!("entry {} cannot be read", entry.seq)))?;
            let at = Timestamp::from_microsecond(entry.at).unwrap_or(head.received);
            for (ordinal, fact) in (0..).zip(head.facts.into_owned()) {
                let Some(focus) = focus(fact) else { continue };
                page.bytes += 256;
                if let Focus::Stored(stored) = &focus {
                    page.bytes += stored.json().len();
                }
                let place = Place { seq: entry.seq, ordinal };
                page.events.push(Event { place, at, focus });
            }
        }
        Ok(page)
    }
}

/// Whether a head may have facts that are events: most entries of looks have none.
fn has_events(head: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] =
        [b"{\"stored\":", b"{\"recorded\":", b"{\"deleted\":", b"{\"case-opened\":"];
    NAMES.iter().any(|name| head.windows(name.len()).any(|window| window == *name))
}

fn focus(fact: Fact) -> Option<Focus> {
    match fact {
        Fact::Stored(stored) | Fact::Recorded(stored) => Some(Focus::Stored(stored)),
        Fact::Deleted(deleted) => Some(Focus::Deleted(deleted)),
        Fact::CaseOpened(case) => Some(Focus::Case(case)),
        _ => None,
    }
}

/// Whether a subscription asks for an event. It depends on the versions alone, so that the same
/// events are found again after a restart, under the same numbers.
fn is_asked(asked: &Asked, event: &Event, record: &Reader) -> Result<bool, Unread> {
    let (topic, focus) = (asked.topic, &event.focus);
    if topic.kind() != focus.kind() {
        return Ok(false);
    }
    let before = match focus {
        Focus::Stored(stored) if topic.compares() => {
            before(record, stored.resource_type, &stored.id, stored.version)?
        }
        Focus::Deleted(deleted) if asked.searches() => {
            before(record, deleted.resource_type, &deleted.id, deleted.version)?
        }
        _ => None,
    };
    Ok(topic.tells(focus, before.as_ref()) && asked.lets(focus, before.as_ref()))
}

/// The version before.
fn before(
    record: &Reader,
    kind: ResourceType,
    id: &fhir::Id,
    version: u64,
) -> Result<Option<StoredResource>, Unread> {
    if version <= 1 {
        return Ok(None);
    }
    Ok(record.version(kind, id, version - 1)?)
}
