//! Events, read from the journal by their places.
//!
//! Nothing is kept for a subscriber beside its place in the journal. What is read is shared: most
//! subscribers wait for the same newest entries, which are read and understood once.

use std::sync::Arc;

use engine::Engine;
use fhir::{ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::subscriptions::{Place, Subscription};
use medicines::{Fact, Head};
use record::Reader;

use super::again::{Back, Batch};
use super::asked::Asked;
use super::pages::{PAGE_ENTRIES, Page, Pages};
use super::topics::Focus;

/// The most entries that are looked at for one answer.
const MAX_LOOKED: u64 = 8_192;
/// The most bytes of resources that are told at once, beside the first event.
pub(super) const MAX_TOLD_BYTES: usize = 4 << 20;
/// After how many bytes of resources a page ends that one stream alone holds.
const MAX_HELD_BYTES: usize = 1 << 20;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) place: Place,
    pub(crate) at: Timestamp,
    pub(crate) focus: Focus,
}

impl Event {
    /// The bytes of its resource.
    pub(super) fn bytes(&self) -> usize {
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

/// Reads events. A clone shares what was read.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    engine: Engine,
    pages: Arc<Pages>,
}

impl Events {
    pub(crate) fn new(engine: Engine) -> Self {
        Events { engine, pages: Arc::default() }
    }

    /// The next events after a place that a subscription asks for, at most `limit`, and no more
    /// than [`MAX_TOLD_BYTES`] of resources where there is more than one. Blocks.
    pub(crate) fn after(&self, asked: &Asked, from: Place, limit: usize) -> Result<Found, Unread> {
        let recorded = *self.engine.progress().borrow();
        let readers = self.engine.readers();
        let record = readers.get()?;
        let (mut found, mut bytes) = (Found::default(), 0);
        let mut next = from.next_seq();
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

    /// Goes on to the next events that a subscriber took before, and puts them into the batch: by
    /// their places, or for those whose places are not kept any more a step of looking from a
    /// mark. Blocks.
    pub(super) fn again(
        &self,
        asked: &Asked,
        one: &Subscription,
        back: &mut Back,
        batch: &mut Batch,
    ) -> Result<(), Unread> {
        let oldest = one.oldest();
        if back.next >= oldest {
            let skip = usize::try_from(back.next - oldest).unwrap_or(usize::MAX);
            let places = one.recent.iter().skip(skip).take(batch.room()).copied();
            let count = batch.fill(&self.at(&places.collect::<Vec<Place>>())?);
            back.next += u64::try_from(count).unwrap_or_default();
            return Ok(());
        }
        let readers = self.engine.readers();
        let record = readers.get()?;
        let journal = self.journal()?;
        let page = |seq| {
            if let Some(page) = self.pages.known(seq) {
                return Ok(page);
            }
            // What is not looked through yet may not be recorded either.
            let most = usize::try_from(one.looked.seq.saturating_sub(seq) + 1);
            let most = most.unwrap_or(PAGE_ENTRIES).min(PAGE_ENTRIES);
            read(&journal, seq, most, MAX_HELD_BYTES).map(Arc::new)
        };
        back.look(one, batch, page, |event| is_asked(asked, event, &record))
    }

    /// The events at these places, in their order: fewer than all where they have more than
    /// [`MAX_TOLD_BYTES`] of resources, but at least the first. What nobody else waits for is read
    /// entry by entry and not kept. Blocks.
    fn at(&self, places: &[Place]) -> Result<Vec<Event>, Unread> {
        let (mut events, mut bytes) = (Vec::with_capacity(places.len()), 0);
        let mut journal = None;
        let mut page: Option<Arc<Page>> = None;
        for place in places {
            let lost = || Unread::Failed(format!("entry {} holds no such event", place.seq));
            let held = page.take().filter(|page| page.has(place.seq));
            let held = if let Some(held) = held.or_else(|| self.pages.known(place.seq)) {
                held
            } else {
                let journal = match &journal {
                    Some(journal) => journal,
                    None => journal.insert(self.journal()?),
                };
                Arc::new(read(journal, place.seq, 1, usize::MAX)?)
            };
            let found = held.events.iter().find(|event| event.place == *place).cloned();
            let found = found.ok_or_else(lost)?;
            page = Some(held);
            bytes += found.bytes();
            if !events.is_empty() && bytes > MAX_TOLD_BYTES {
                break;
            }
            events.push(found);
        }
        Ok(events)
    }

    /// A page that has the entry in it.
    fn page(&self, seq: u64, recorded: u64) -> Result<Arc<Page>, Unread> {
        self.pages.get(seq, || {
            let most = usize::try_from(recorded.saturating_sub(seq) + 1).unwrap_or(PAGE_ENTRIES);
            read(&self.journal()?, seq, most.min(PAGE_ENTRIES), usize::MAX)
        })
    }

    fn journal(&self) -> Result<journal::Reader, Unread> {
        self.engine.journal().map_err(|error| Unread::Failed(error.to_string()))
    }
}

/// Reads and understands entries, until they have so many bytes of resources, but at least the
/// first.
fn read(
    journal: &journal::Reader,
    seq: u64,
    most: usize,
    most_bytes: usize,
) -> Result<Page, Unread> {
    let entries = journal.read_from(seq, most)?;
    if entries.is_empty() {
        return Err(Unread::Failed(format!("entry {seq} is not in the journal")));
    }
    let mut page = Page { first: seq, last: seq, events: Vec::new(), bytes: 0 };
    for entry in entries {
        if page.bytes >= most_bytes {
            break;
        }
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
