//! Events that a subscriber took before, found again in the journal.
//!
//! The newest are read by their places. Older ones are looked for from a mark on, and whoever goes
//! on does so where it stopped: each page is read once, however few events a notification has.
//! What is read so is nobody else's: it neither goes into the pages that all wait for, nor puts
//! one of them out.

use std::sync::Arc;

use medicines::subscriptions::{Mark, Place, Subscription};
use tokio::sync::Semaphore;

use super::events::{Event, Events, MAX_TOLD_BYTES, Unread};
use super::pages::Page;
use super::{Asked, Subscriptions};

/// After how many entries a look for old events makes room for the next one who looks.
const STEP_ENTRIES: u64 = 8_192;
/// The most steps at a time, 81,920 entries in all. An event is nearer to the mark before it, also
/// to one of an earlier build, which marked after up to some 75,000 entries.
const MAX_STEPS: usize = 10;
/// How many look for old events at the same moment; the others wait for their turn.
pub(super) const MAX_LOOKING: usize = 2;

/// The way through events that were taken before, from a number on.
#[derive(Debug)]
pub(crate) struct Again {
    events: Events,
    turns: Arc<Semaphore>,
    one: Arc<Subscription>,
    asked: Arc<Asked>,
    back: Back,
}

impl Again {
    /// Begins with the event of this number.
    pub(crate) fn new(of: &Subscriptions, one: &Subscription, asked: &Asked, first: u64) -> Self {
        Again {
            events: of.events.clone(),
            turns: Arc::clone(&of.turns),
            one: Arc::new(one.clone()),
            asked: Arc::new(asked.clone()),
            back: Back { next: first, at: None, page: None },
        }
    }

    /// The number of the next event that is told.
    pub(crate) fn number(&self) -> u64 {
        self.back.next
    }

    /// The next events, at most `limit`: fewer where they have more than [`MAX_TOLD_BYTES`] of
    /// resources, where those whose places are kept begin, or where enough was looked through;
    /// none where there is none of that number, or in all of what was looked through. Whoever calls
    /// it again goes on there.
    pub(crate) async fn events(&mut self, limit: usize) -> Result<Vec<Event>, Unread> {
        let mut batch = Batch::of(limit);
        for _ in 0..MAX_STEPS {
            if batch.is_full() || self.number() > self.one.events {
                break;
            }
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            let turn = turn.map_err(|_| Unread::Failed("the node ends".to_owned()))?;
            let (events, one) = (self.events.clone(), Arc::clone(&self.one));
            let (asked, mut back) = (Arc::clone(&self.asked), self.back.clone());
            let reading = move || {
                let _turn = turn;
                events.again(&asked, &one, &mut back, &mut batch).map(|()| (back, batch))
            };
            let read = tokio::task::spawn_blocking(reading).await;
            let ended = |_| Unread::Failed("the reading ended unexpectedly".to_owned());
            (self.back, batch) = read.map_err(ended)??;
        }
        Ok(batch.events)
    }
}

/// Events that are told at once.
#[derive(Debug)]
pub(super) struct Batch {
    events: Vec<Event>,
    bytes: usize,
    limit: usize,
    /// The next one did not fit.
    over: bool,
}

impl Batch {
    fn of(limit: usize) -> Self {
        Batch { events: Vec::new(), bytes: 0, limit, over: false }
    }

    /// Takes an event in, where it fits: the first one always does.
    fn take(&mut self, event: &Event) -> bool {
        self.bytes += event.bytes();
        self.over |= !self.events.is_empty() && self.bytes > MAX_TOLD_BYTES;
        if !self.is_full() {
            self.events.push(event.clone());
            return true;
        }
        false
    }

    fn is_full(&self) -> bool {
        self.over || self.events.len() >= self.limit
    }

    /// Takes in what was read by its place; what comes then is a batch of its own.
    pub(super) fn fill(&mut self, events: &[Event]) -> usize {
        let count = events.iter().take_while(|event| self.take(event)).count();
        self.over = true;
        count
    }

    /// How many more may come.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.events.len())
    }
}

/// How far the way back has been gone.
#[derive(Debug, Clone)]
pub(super) struct Back {
    /// The number of the next event that is told.
    pub(super) next: u64,
    /// How many events there were up to where was looked.
    at: Option<Mark>,
    /// The page that was read last.
    page: Option<Arc<Page>>,
}

impl Back {
    /// Looks on through at most [`STEP_ENTRIES`] entries, and through pages that it ends in, for
    /// events older than those whose places are kept.
    pub(super) fn look(
        &mut self,
        one: &Subscription,
        batch: &mut Batch,
        mut read: impl FnMut(u64) -> Result<Arc<Page>, Unread>,
        mut is_asked: impl FnMut(&Event) -> Result<bool, Unread>,
    ) -> Result<(), Unread> {
        let oldest = one.oldest();
        let mut at = match self.at {
            Some(at) => at,
            None => one.mark_before(self.next).ok_or(Unread::Moved)?,
        };
        let begun = at.looked.seq;
        'looking: while at.looked.seq - begun < STEP_ENTRIES {
            let seq = at.looked.next_seq();
            if seq > one.looked.seq {
                let words = format!("event {} of {} is not found again", self.next, one.id);
                return Err(Unread::Failed(words));
            }
            let page = match self.page.take().filter(|page| page.has(seq)) {
                Some(page) => page,
                None => read(seq)?,
            };
            self.page = Some(Arc::clone(&page));
            let from = at.looked;
            for event in page.events.iter().filter(|event| event.place > from) {
                if !is_asked(event)? {
                    continue;
                }
                if at.events + 1 >= self.next {
                    if !batch.take(event) {
                        break 'looking;
                    }
                    self.next = at.events + 2;
                }
                at = Mark { events: at.events + 1, looked: event.place };
                if batch.is_full() || self.next == oldest {
                    break 'looking;
                }
            }
            at.looked = Place::end_of(page.last);
        }
        if self.next == oldest {
            // The others are read by their places.
            self.page = None;
            batch.over |= !batch.events.is_empty();
        }
        self.at = Some(at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use fhir::{Id, StoredResource};
    use jiff::Timestamp;

    use super::super::pages::PAGE_ENTRIES;
    use super::super::sample;
    use super::super::topics::Focus;
    use super::*;

    /// One event in so many entries is asked for.
    const APART: u64 = 100;

    /// So many events were taken, the last twenty of which have places.
    fn taken(events: u64) -> Subscription {
        let marks = VecDeque::from([Mark { events: 0, looked: Place::end_of(0) }]);
        let recent = (events - 19..=events).map(|number| number * APART);
        Subscription { marks, ..sample(events, recent) }
    }

    /// A page of a journal in which every tenth entry is an event of so many bytes.
    fn page(seq: u64, bytes: usize) -> Page {
        let json = format!(
            r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#,
            "x".repeat(bytes.saturating_sub(100))
        );
        let at = Timestamp::UNIX_EPOCH;
        let stored = StoredResource::new(&json, Id::new("b").unwrap(), 1, at).unwrap();
        let last = seq + u64::try_from(PAGE_ENTRIES).unwrap() - 1;
        let event = |seq| Event {
            place: Place { seq, ordinal: 0 },
            at,
            focus: Focus::Stored(stored.clone()),
        };
        let events = (seq..=last).filter(|seq| seq % 10 == 0).map(event).collect();
        Page { first: seq, last, events, bytes: 0 }
    }

    /// Tells all again from a number on, and gives the events of each notification, how many pages
    /// were read and how many of them more than once.
    fn tell(
        one: &Subscription,
        first: u64,
        count: usize,
        bytes: usize,
    ) -> (Vec<u64>, usize, usize) {
        let mut back = Back { next: first, at: None, page: None };
        let (mut reads, mut told) = (Vec::new(), Vec::new());
        while back.next < one.oldest() {
            let (mut batch, next) = (Batch::of(count), back.next);
            while !batch.is_full() {
                let before = reads.len();
                let read = |seq| {
                    reads.push(seq);
                    Ok(Arc::new(page(seq, if seq > 36_000 { bytes } else { 0 })))
                };
                let is_asked = |event: &Event| Ok(event.place.seq.is_multiple_of(APART));
                back.look(one, &mut batch, read, is_asked).unwrap();
                let most = usize::try_from(STEP_ENTRIES).unwrap() / PAGE_ENTRIES + 1;
                assert!(reads.len() - before <= most, "a step makes room");
            }
            let seqs: Vec<u64> = batch.events.iter().map(|event| event.place.seq).collect();
            let expected = (next..back.next).map(|number| number * APART);
            assert_eq!(seqs, expected.collect::<Vec<u64>>());
            told.push(u64::try_from(seqs.len()).unwrap());
        }
        let pages: BTreeSet<u64> = reads.iter().map(|seq| seq / 128).collect();
        (told, pages.len(), reads.len() - pages.len())
    }

    #[test]
    fn going_on_reads_each_page_once() {
        let one = taken(400);
        let check = |first, count, bytes, notifications: usize, last: u64| {
            let (told, pages, twice) = tell(&one, first, count, bytes);
            assert_eq!(told.iter().sum::<u64>(), 381 - first, "from {first} on");
            assert_eq!((told.len(), told.last()), (notifications, Some(&last)));
            // The mark is at the beginning: 38,000 entries are looked through.
            assert_eq!((pages, twice), (297, 0));
        };
        check(1, 1, 0, 380, 1);
        check(11, 1, 0, 370, 1);
        check(300, 1, 0, 81, 1);
        check(1, 20, 0, 19, 20);
        check(2, 100, 0, 4, 79);
        // Two are more than what is told at once.
        check(371, 5, 3 << 20, 10, 1);
    }

    #[test]
    fn what_is_not_there_is_not_looked_for_for_ever() {
        let one = taken(400);
        let mut back = Back { next: 5, at: None, page: None };
        let mut batch = Batch::of(1);
        let mut look = |back: &mut Back| {
            back.look(&one, &mut batch, |seq| Ok(Arc::new(page(seq, 0))), |_| Ok(false))
        };
        for _ in 0..4 {
            look(&mut back).unwrap();
        }
        assert!(matches!(look(&mut back), Err(Unread::Failed(_))));
        // Before the first mark there is nothing to go by.
        let mut one = taken(400);
        one.marks = VecDeque::from([Mark { events: 9, looked: Place::end_of(950) }]);
        let mut back = Back { next: 9, at: None, page: None };
        let read = |_| -> Result<Arc<Page>, Unread> { unreachable!("nothing is read") };
        let looked = back.look(&one, &mut batch, read, |_| Ok(true));
        assert!(matches!(looked, Err(Unread::Moved)));
    }
}
