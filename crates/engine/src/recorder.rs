//! The record thread: takes in what is durable.
//!
//! Whoever asked was answered by the journal. What waits is applied in one transaction: a page
//! that many messages touch, and the row of a patient with many, is then written once for all of
//! them. Where nothing waits, a batch is prepared while the journal still writes it, and becomes
//! visible when the journal holds it: a cabinet hears of an order the sooner for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use journal::Position;
use medicines::{Fact, Head, Row, RowKind};
use record::{Applied, Level, Record};
use tokio::sync::watch;

use crate::error::Error;
use crate::gauges::Gauges;
use crate::queued::Queued;
use crate::trace::{Began, EntryTrace, Told, Tracer};

/// After how many entries a transaction takes no more batches: what senders and readers wait for
/// stays a matter of some ten milliseconds.
const TOGETHER_ENTRIES: usize = 512;
/// How long looks wait for others to be recorded with: each transaction has readers look at changed
/// pages anew, and a busy node has thousands of looks a second.
const LOOKS_WAIT: Duration = Duration::from_millis(20);

/// One entry on its way into the record.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) seq: u64,
    pub(crate) at: jiff::Timestamp,
    pub(crate) head: Head<'static>,
    /// From when to when it was decided; none for what is read from the journal.
    pub(crate) decided: Option<(Instant, Instant)>,
}

/// Work for the record thread, in the journal's order.
#[derive(Debug)]
pub(crate) enum Job {
    /// A batch that the journal holds or is writing.
    Apply(Batch),
    /// Tell when everything before this is applied.
    Barrier(SyncSender<()>),
}

/// Who hears of what is recorded.
pub(crate) struct Heard {
    pub(crate) progress: watch::Sender<u64>,
    pub(crate) level: Arc<Level>,
    pub(crate) queued: Queued,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) told: Told,
}

/// Entries that were decided together, and the rows that they changed.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Written>,
    pub(crate) rows: Vec<Row>,
    pub(crate) began: Began,
    /// Tells when the journal holds them. The other end is dropped where it does not take them.
    pub(crate) durable: Receiver<Durable>,
}

impl Batch {
    /// Whether there is nothing in it but looks.
    fn is_looks(&self) -> bool {
        self.entries.iter().all(Written::is_look)
    }
}

/// The journal holds a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Durable {
    /// The position of its last entry.
    pub(crate) tip: Position,
    /// From when to when it was appended.
    pub(crate) appended: (Instant, Instant),
}

/// What is applied in one transaction.
#[derive(Debug, Default)]
struct Work {
    entries: Vec<Written>,
    rows: Vec<Row>,
    /// Where the row of a thing stands among them.
    places: Places,
    /// How many entries of which batch, and when those were journaled, in their order.
    spans: Vec<(usize, Began, Durable)>,
    /// How many entries, where looks count each by itself.
    weight: usize,
    /// Whether there is more in it than looks.
    matters: bool,
}

/// What a transaction waits for.
#[derive(Debug)]
enum Waiting {
    /// Nothing: the journal holds all of it.
    Nothing,
    /// The journal is writing the last batch.
    Journal(Began, Receiver<Durable>),
    /// What never comes: the journal failed, and the engine says why.
    Never,
}

/// Applies jobs until there are no more senders; an error ends it.
pub(crate) fn run(mut record: Record, jobs: &Receiver<Job>, heard: &Heard) -> Result<(), Error> {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| jobs.recv().ok()) {
        match job {
            // The one who waits may have gone; then nobody needs to know.
            Job::Barrier(reached) => drop(reached.send(())),
            Job::Apply(batch) => {
                let mut work = Work::default();
                let waiting;
                (waiting, next) = work.gather(batch, jobs);
                match waiting {
                    Waiting::Nothing => record_all(&mut record, &work, heard)?,
                    Waiting::Journal(began, durable) => {
                        if !record_when(&mut record, work, (began, &durable), heard)? {
                            return Ok(());
                        }
                    }
                    Waiting::Never => return Ok(()),
                }
            }
        }
    }
    Ok(())
}

/// Records what the journal holds.
fn record_all(record: &mut Record, work: &Work, heard: &Heard) -> Result<(), Error> {
    let Some((.., last)) = work.spans.last() else { return Ok(()) };
    let applying = Instant::now();
    apply(record, &work.entries, &work.rows, last.tip)?;
    work.told(applying.elapsed(), (applying, Instant::now()), last.tip, heard);
    Ok(())
}

/// Prepares what the journal is writing, and records it when the journal holds it. False where it
/// never does: the engine says why.
fn record_when(
    record: &mut Record,
    mut work: Work,
    (began, durable): (Began, &Receiver<Durable>),
    heard: &Heard,
) -> Result<bool, Error> {
    let applying = Instant::now();
    let mut waited = Duration::ZERO;
    let mut known = None;
    let wait = || {
        let waiting = Instant::now();
        known = durable.recv().ok();
        waited = waiting.elapsed();
        known.map(|durable| durable.tip)
    };
    let applied: Vec<Applied<'_>> = work.entries.iter().map(Written::applied).collect();
    let done = record.apply_when(&applied, &work.rows, wait);
    drop(applied);
    done.map_err(|error| Error::Record(error.to_string()))?;
    let Some(known) = known else { return Ok(false) };
    work.spans.push((work.entries.len(), began, known));
    let took = applying.elapsed().saturating_sub(waited);
    // What was prepared beside the journal is in the journal's own time.
    let span = (applying.max(known.appended.1), Instant::now());
    work.told(took, span, known.tip, heard);
    Ok(true)
}

/// Tells of the commands that somebody outside sent: those that have a key.
fn trace(tracer: &dyn Tracer, work: &Work, applied: (Instant, Instant)) {
    let mut entries = work.entries.iter();
    for (count, began, Durable { appended, .. }) in &work.spans {
        let span = |(from, to): (Instant, Instant)| (began.at(from), began.at(to));
        let keyed = entries.by_ref().take(*count).filter(|entry| entry.head.key.is_some());
        for entry in keyed {
            let Some(decided) = entry.decided.filter(|_| tracer.wants(entry.seq)) else { continue };
            tracer.entry(EntryTrace {
                entry: entry.seq,
                channel: entry.head.channel.to_string(),
                message_type: entry.head.message_type.to_string(),
                is_message: entry.head.control_id.is_some(),
                outcome: entry.head.answer.code(),
                received: entry.head.received,
                decided: span(decided),
                journaled: span(*appended),
                recorded: span(applied),
            });
        }
    }
}

impl Work {
    /// Takes in a batch and those after it that wait and that the journal holds. Looks wait for
    /// others to come: nobody but those who ask for looks waits for them. Gives back the first job
    /// that is not part of it.
    fn gather(&mut self, first: Batch, jobs: &Receiver<Job>) -> (Waiting, Option<Job>) {
        let until = Instant::now() + LOOKS_WAIT;
        let mut batch = first;
        loop {
            let durable = match batch.durable.try_recv() {
                Err(TryRecvError::Empty) if self.matters => {
                    return (Waiting::Nothing, Some(Job::Apply(batch)));
                }
                Err(TryRecvError::Empty) if batch.is_looks() => batch.durable.recv().ok(),
                Err(TryRecvError::Empty) => {
                    self.add(batch.entries, batch.rows);
                    return (Waiting::Journal(batch.began, batch.durable), None);
                }
                Err(TryRecvError::Disconnected) => None,
                Ok(durable) => Some(durable),
            };
            let Some(durable) = durable else { return (Waiting::Never, None) };
            self.spans.push((batch.entries.len(), batch.began, durable));
            self.add(batch.entries, batch.rows);
            let more = match self.weight {
                TOGETHER_ENTRIES.. => None,
                _ if self.matters => jobs.try_recv().ok(),
                _ => jobs.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            };
            match more {
                Some(Job::Apply(next)) => batch = next,
                left => return (Waiting::Nothing, left),
            }
        }
    }

    fn add(&mut self, entries: Vec<Written>, rows: Vec<Row>) {
        for entry in &entries {
            let looks = entry.is_look();
            self.weight += if looks { entry.facts().len() } else { 1 };
            self.matters |= !looks;
        }
        // The batch that brings the first ones takes no copies: most transactions have but one.
        if self.entries.is_empty() {
            (self.entries, self.rows) = (entries, rows);
            return;
        }
        self.entries.extend(entries);
        join(&mut self.rows, rows, &mut self.places);
    }

    /// Tells everybody that it is recorded, and how much work that was.
    fn told(&self, took: Duration, span: (Instant, Instant), tip: Position, heard: &Heard) {
        heard.gauges.commit.note_time(took);
        heard.progress.send_replace(tip.seq);
        heard.level.reach(tip.seq);
        heard.queued.tell(self.entries.iter().flat_map(Written::facts));
        if let Some(tracer) = heard.told.get() {
            trace(tracer.as_ref(), self, span);
        }
    }
}

/// Where the row of a thing stands among the rows of a transaction.
type Places = HashMap<(RowKind, String), usize>;

/// Adds later rows; one of a thing that has a row already takes its place.
fn join(rows: &mut Vec<Row>, later: Vec<Row>, places: &mut Places) {
    if places.is_empty() {
        let place = |(at, row): (usize, &Row)| ((row.kind, row.key.clone()), at);
        places.extend(rows.iter().enumerate().map(place));
    }
    for row in later {
        match places.entry((row.kind, row.key.clone())) {
            Entry::Occupied(place) => rows[*place.get()] = row,
            Entry::Vacant(place) => {
                place.insert(rows.len());
                rows.push(row);
            }
        }
    }
}

/// Applies entries and rows in one transaction of the record.
pub(crate) fn apply(
    record: &mut Record,
    entries: &[Written],
    rows: &[Row],
    tip: Position,
) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let applied: Vec<Applied<'_>> = entries.iter().map(Written::applied).collect();
    record.apply(&applied, rows, tip).map_err(|error| Error::Record(error.to_string()))
}

impl Written {
    fn applied(&self) -> Applied<'_> {
        Applied {
            seq: self.seq,
            at: self.at,
            head: record::Head {
                channel: &self.head.channel,
                key: self.head.key.as_deref().unwrap_or_default(),
                message_type: &self.head.message_type,
                control_id: self.head.control_id.as_deref().unwrap_or_default(),
                outcome: self.head.answer.code(),
                patient: self.patient(),
            },
            facts: self.facts(),
        }
    }

    /// The patient concerned. Looks at several patients concern none of them alone.
    fn patient(&self) -> Option<&fhir::Id> {
        let mut patients = self.facts().iter().filter_map(Fact::patient);
        let first = patients.next()?;
        let alone = !self.is_look() || patients.all(|other| other == first);
        alone.then_some(first)
    }

    pub(crate) fn facts(&self) -> &[Fact] {
        &self.head.facts
    }

    /// Whether it tells of nothing but looks at data.
    pub(crate) fn is_look(&self) -> bool {
        !self.facts().is_empty() && self.facts().iter().all(Fact::is_look)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn row(key: &str, body: &str) -> Row {
        Row { kind: RowKind::Order, key: key.to_owned(), live: true, body: Vec::from(body).into() }
    }

    #[test]
    fn of_several_rows_of_a_thing_the_last_is_kept_in_the_place_of_the_first() {
        let mut rows = vec![row("a", "1"), row("b", "1")];
        let mut places = Places::new();
        join(&mut rows, vec![row("b", "2"), row("c", "2")], &mut places);
        join(&mut rows, vec![row("a", "3"), row("c", "3")], &mut places);
        assert_eq!(rows, [row("a", "3"), row("b", "2"), row("c", "3")]);
    }

    /// A batch, and how the journal tells that it holds it.
    fn batch(entries: Vec<Written>, body: &str) -> (Batch, SyncSender<Durable>) {
        let (known, durable) = sync_channel(1);
        (Batch { entries, rows: vec![row("a", body)], began: began(), durable }, known)
    }

    fn began() -> Began {
        Began { at: jiff::Timestamp::UNIX_EPOCH, since: Instant::now() }
    }

    fn durable(seq: u64) -> Durable {
        let tip = Position { seq, hash: journal::genesis("RXX") };
        let now = Instant::now();
        Durable { tip, appended: (now, now) }
    }

    fn entry(seq: u64, facts: Vec<Fact>) -> Written {
        let head = Head {
            v: medicines::HEAD_VERSION,
            channel: "fhir".into(),
            key: None,
            message_type: "see".into(),
            control_id: None,
            again: None,
            by: "epr".into(),
            received: jiff::Timestamp::UNIX_EPOCH,
            answer: std::borrow::Cow::Owned(medicines::Answer::Done),
            facts: facts.into(),
        };
        Written { seq, at: jiff::Timestamp::UNIX_EPOCH, head, decided: None }
    }

    fn look(seq: u64, patients: &[&str]) -> Written {
        let seen = |patient: &&str| {
            Fact::Seen(medicines::Access {
                who: "epr".into(),
                what: "read".into(),
                patient: Some(fhir::Id::new(patient).unwrap()),
                resource_type: None,
                detail: None,
                reason: None,
                at: jiff::Timestamp::UNIX_EPOCH,
            })
        };
        entry(seq, patients.iter().map(seen).collect())
    }

    /// The last entry that the journal is known to hold.
    fn tip(work: &Work) -> u64 {
        work.spans.last().unwrap().2.tip.seq
    }

    #[test]
    fn what_waits_is_joined_up_to_a_barrier() {
        let (jobs, waiting) = sync_channel(8);
        let (one, held) = batch(vec![entry(1, Vec::new())], "1");
        held.send(durable(1)).unwrap();
        let (two, held) = batch(vec![entry(2, Vec::new())], "2");
        held.send(durable(2)).unwrap();
        let (three, written) = batch(vec![entry(3, Vec::new())], "3");
        let (four, _writing) = batch(vec![entry(4, Vec::new())], "4");
        let (reached, _) = sync_channel(1);
        for job in [Job::Apply(two), Job::Barrier(reached), Job::Apply(three), Job::Apply(four)] {
            jobs.send(job).unwrap();
        }
        let mut work = Work::default();
        let (all, left) = work.gather(one, &waiting);
        assert!(matches!((all, left), (Waiting::Nothing, Some(Job::Barrier(_)))));
        assert_eq!((tip(&work), &work.rows), (2, &vec![row("a", "2")]));
        written.send(durable(3)).unwrap();
        let Ok(Job::Apply(three)) = waiting.recv() else { panic!("it was sent") };
        let mut work = Work::default();
        let (all, left) = work.gather(three, &waiting);
        assert!(matches!(all, Waiting::Nothing));
        assert!(matches!(left, Some(Job::Apply(_))), "the journal is still writing it");
        assert_eq!((tip(&work), work.entries.len()), (3, 1));
        let Some(Job::Apply(four)) = left else { panic!("it is left") };
        let mut work = Work::default();
        let (last, left) = work.gather(four, &waiting);
        assert!(matches!((last, left), (Waiting::Journal(..), None)), "it is prepared meanwhile");
    }

    #[test]
    fn looks_wait_for_company_and_go_along_with_what_matters() {
        let (jobs, waiting) = sync_channel(8);
        let (one, held) = batch(vec![look(1, &["p1"])], "1");
        held.send(durable(1)).unwrap();
        let (two, later) = batch(vec![look(2, &["p1", "p2"])], "2");
        let (three, _writing) = batch(vec![entry(3, Vec::new())], "3");
        jobs.send(Job::Apply(two)).unwrap();
        let sending = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            later.send(durable(2)).unwrap();
            jobs.send(Job::Apply(three)).unwrap();
            jobs
        });
        let mut work = Work::default();
        let (last, left) = work.gather(one, &waiting);
        drop(sending.join().unwrap());
        assert!(matches!((last, left), (Waiting::Journal(..), None)));
        assert_eq!((tip(&work), work.entries.len(), work.weight), (2, 3, 4));
        assert_eq!(work.rows, [row("a", "3")]);
    }

    #[test]
    fn what_matters_does_not_wait_for_looks() {
        let (jobs, waiting) = sync_channel(8);
        let (one, held) = batch(vec![entry(1, Vec::new())], "1");
        held.send(durable(1)).unwrap();
        let (two, _writing) = batch(vec![look(2, &["p1"])], "2");
        jobs.send(Job::Apply(two)).unwrap();
        let mut work = Work::default();
        let (all, left) = work.gather(one, &waiting);
        assert!(matches!((all, left), (Waiting::Nothing, Some(Job::Apply(_)))));
        assert_eq!((tip(&work), work.entries.len()), (1, 1));
    }

    #[test]
    fn looks_alone_wait_for_a_moment_and_not_for_ever() {
        let (_jobs, waiting) = sync_channel(8);
        let (one, held) = batch(vec![look(1, &["p1"])], "1");
        held.send(durable(1)).unwrap();
        let mut work = Work::default();
        let (all, left) = work.gather(one, &waiting);
        assert!(matches!((all, left), (Waiting::Nothing, None)));
        let (two, held) = batch(vec![look(2, &["p1"])], "2");
        drop(held);
        assert!(matches!(work.gather(two, &waiting), (Waiting::Never, None)));
    }

    #[test]
    fn looks_at_several_patients_concern_none_of_them_alone() {
        let check = |patients: &[&str], expected: Option<&str>| {
            assert_eq!(look(1, patients).patient().map(fhir::Id::as_str), expected);
        };
        check(&["p1"], Some("p1"));
        check(&["p1", "p1"], Some("p1"));
        check(&["p1", "p2"], None);
        check(&[], None);
    }
}
