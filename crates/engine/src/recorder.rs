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

/// The journal holds a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Durable {
    /// The position of its last entry.
    pub(crate) tip: Position,
    /// From when to when it was appended.
    pub(crate) appended: (Instant, Instant),
}

/// What is applied in one transaction.
#[derive(Debug)]
struct Work {
    entries: Vec<Written>,
    rows: Vec<Row>,
    /// How many entries of which batch, and when those were journaled, in their order.
    spans: Vec<(usize, Began, Durable)>,
}

/// Applies jobs until there are no more senders; an error ends it.
pub(crate) fn run(mut record: Record, jobs: &Receiver<Job>, heard: &Heard) -> Result<(), Error> {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| jobs.recv().ok()) {
        match job {
            // The one who waits may have gone; then nobody needs to know.
            Job::Barrier(reached) => drop(reached.send(())),
            Job::Apply(batch) => {
                let mut work = Work { entries: batch.entries, rows: batch.rows, spans: Vec::new() };
                match batch.durable.try_recv() {
                    Ok(durable) => {
                        work.spans.push((work.entries.len(), batch.began, durable));
                        next = work.join(jobs);
                        record_all(&mut record, &work, heard)?;
                    }
                    Err(TryRecvError::Empty) => {
                        let coming = (batch.began, &batch.durable);
                        if !record_when(&mut record, work, coming, heard)? {
                            return Ok(());
                        }
                    }
                    // The journal failed, and the engine says why.
                    Err(TryRecvError::Disconnected) => return Ok(()),
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
    /// Takes in the batches that wait and that the journal holds. Gives back the first job that is
    /// no such batch.
    fn join(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        let mut places = None;
        while self.entries.len() < TOGETHER_ENTRIES {
            match jobs.try_recv().ok()? {
                Job::Apply(batch) => match batch.durable.try_recv() {
                    Ok(durable) => {
                        self.spans.push((batch.entries.len(), batch.began, durable));
                        self.entries.extend(batch.entries);
                        join(&mut self.rows, batch.rows, places.get_or_insert_default());
                    }
                    Err(_) => return Some(Job::Apply(batch)),
                },
                barrier @ Job::Barrier(_) => return Some(barrier),
            }
        }
        None
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
                patient: self.facts().iter().find_map(Fact::patient),
            },
            facts: self.facts(),
        }
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

    #[test]
    fn what_waits_is_joined_up_to_a_barrier() {
        let (jobs, waiting) = sync_channel(8);
        let began = Began { at: jiff::Timestamp::UNIX_EPOCH, since: Instant::now() };
        let durable = |seq| {
            let tip = Position { seq, hash: journal::genesis("RXX") };
            Durable { tip, appended: (began.since, began.since) }
        };
        let batch = |body| {
            let (known, durable) = sync_channel(1);
            let rows = vec![row("a", body)];
            (Job::Apply(Batch { entries: Vec::new(), rows, began, durable }), known)
        };
        let (reached, _) = sync_channel(1);
        let (two, held) = batch("2");
        held.send(durable(2)).unwrap();
        let (three, written) = batch("3");
        for job in [two, Job::Barrier(reached), three] {
            jobs.send(job).unwrap();
        }
        let first = vec![(0, began, durable(1))];
        let mut work = Work { entries: Vec::new(), rows: vec![row("a", "1")], spans: first };
        let tip = |work: &Work| work.spans.last().unwrap().2.tip.seq;
        assert!(matches!(work.join(&waiting), Some(Job::Barrier(_))));
        assert_eq!((tip(&work), &work.rows), (2, &vec![row("a", "2")]));
        let left = work.join(&waiting);
        assert!(matches!(left, Some(Job::Apply(_))), "the journal is still writing it");
        assert_eq!(tip(&work), 2);
        written.send(durable(3)).unwrap();
        jobs.send(left.unwrap()).unwrap();
        assert!(work.join(&waiting).is_none());
        assert_eq!((tip(&work), &work.rows), (3, &vec![row("a", "3")]));
    }
}
