//! The record thread: takes in what is durable.
//!
//! Whoever asked was answered by the journal. What waits is applied in one transaction: a page
//! that many messages touch, and the row of a patient with many, is then written once for all of
//! them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

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
    /// A batch that the journal holds.
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

/// Entries that the journal holds, and the rows that they changed.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Written>,
    pub(crate) rows: Vec<Row>,
    pub(crate) tip: Position,
    /// When which of the entries were journaled, in their order.
    pub(crate) spans: Vec<Spans>,
}

/// When the next so many entries were journaled.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) entries: usize,
    pub(crate) began: Began,
    /// From when to when they were appended to the journal.
    pub(crate) appended: (Instant, Instant),
}

/// Applies jobs until there are no more senders; an error ends it.
pub(crate) fn run(mut record: Record, jobs: &Receiver<Job>, heard: &Heard) -> Result<(), Error> {
    while let Ok(job) = jobs.recv() {
        let (batch, barrier) = together(job, jobs);
        if let Some(batch) = batch {
            let applying = Instant::now();
            apply(&mut record, &batch.entries, &batch.rows, batch.tip)?;
            let applied = (applying, Instant::now());
            heard.gauges.commit.note_time(applied.1.duration_since(applying));
            heard.progress.send_replace(batch.tip.seq);
            heard.level.reach(batch.tip.seq);
            heard.queued.tell(batch.entries.iter().flat_map(Written::facts));
            if let Some(tracer) = heard.told.get() {
                trace(tracer.as_ref(), &batch, applied);
            }
        }
        if let Some(reached) = barrier {
            // The one who waits may have gone; then nobody needs to know.
            let _ = reached.send(());
        }
    }
    Ok(())
}

/// Tells of the commands that somebody outside sent: those that have a key.
fn trace(tracer: &dyn Tracer, batch: &Batch, applied: (Instant, Instant)) {
    let mut entries = batch.entries.iter();
    for Spans { entries: count, began, appended } in &batch.spans {
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

/// Joins the batches that wait, up to a barrier.
fn together(first: Job, jobs: &Receiver<Job>) -> (Option<Batch>, Option<SyncSender<()>>) {
    let mut all = match first {
        Job::Apply(batch) => batch,
        Job::Barrier(reached) => return (None, Some(reached)),
    };
    let mut places = None;
    while all.entries.len() < TOGETHER_ENTRIES {
        match jobs.try_recv() {
            Ok(Job::Apply(batch)) => {
                all.entries.extend(batch.entries);
                join(&mut all.rows, batch.rows, places.get_or_insert_default());
                all.tip = batch.tip;
                all.spans.extend(batch.spans);
            }
            Ok(Job::Barrier(reached)) => return (Some(all), Some(reached)),
            Err(_) => break,
        }
    }
    (Some(all), None)
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
        let (jobs, work) = std::sync::mpsc::sync_channel(8);
        let batch = |seq, body| {
            let tip = Position { seq, hash: journal::genesis("RXX") };
            let spans = Vec::new();
            Job::Apply(Batch { entries: Vec::new(), rows: vec![row("a", body)], tip, spans })
        };
        let (reached, _) = std::sync::mpsc::sync_channel(1);
        jobs.send(batch(2, "2")).unwrap();
        jobs.send(Job::Barrier(reached)).unwrap();
        jobs.send(batch(3, "3")).unwrap();
        let (all, barrier) = together(batch(1, "1"), &work);
        let all = all.unwrap();
        assert_eq!((all.tip.seq, all.rows), (2, vec![row("a", "2")]));
        assert!(barrier.is_some());
        let (rest, barrier) = together(work.recv().unwrap(), &work);
        assert_eq!(rest.unwrap().tip.seq, 3);
        assert!(barrier.is_none());
    }
}
