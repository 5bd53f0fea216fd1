//! The record thread: applies what is durable, then answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use journal::Position;
use medicines::{Fact, Head, Row};
use record::{Applied, Record};
use tokio::sync::{oneshot, watch};

use crate::command::Receipt;
use crate::error::Error;
use crate::gauges::Gauges;
use crate::queued::Queued;
use crate::trace::{Began, EntryTrace, Told, Tracer};

/// One entry on its way into the record.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) seq: u64,
    pub(crate) at: jiff::Timestamp,
    pub(crate) head: Head<'static>,
    pub(crate) digest: [u8; 32],
    /// From when to when it was decided; none for what is read from the journal.
    pub(crate) decided: Option<(Instant, Instant)>,
}

/// Work for the record thread, in the journal's order.
#[derive(Debug)]
pub(crate) enum Job {
    /// A batch that the journal holds, the rows that it changed, and who waits for it.
    Apply {
        entries: Vec<Written>,
        rows: Vec<Row>,
        tip: Position,
        answers: Vec<(oneshot::Sender<Receipt>, Receipt)>,
        began: Began,
        /// From when to when it was appended to the journal.
        appended: (Instant, Instant),
    },
    /// Tell when everything before this is applied.
    Barrier(SyncSender<()>),
}

/// Who hears of what is recorded.
pub(crate) struct Heard {
    pub(crate) progress: watch::Sender<u64>,
    pub(crate) queued: Queued,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) told: Told,
}

/// Applies jobs until there are no more senders; an error ends it, and drops all who wait.
pub(crate) fn run(mut record: Record, jobs: &Receiver<Job>, heard: &Heard) -> Result<(), Error> {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Barrier(reached) => {
                // The one who waits may have gone; then nobody needs to know.
                let _ = reached.send(());
            }
            Job::Apply { entries, rows, tip, answers, began, appended } => {
                let applying = Instant::now();
                apply(&mut record, &entries, &rows, tip)?;
                let applied = (applying, Instant::now());
                if !entries.is_empty() {
                    heard.gauges.commit.note_time(applied.1.duration_since(applying));
                }
                heard.progress.send_replace(tip.seq);
                heard.queued.tell(entries.iter().flat_map(Written::facts));
                for (answer, receipt) in answers {
                    // A peer that hung up gets no answer; its repeat will.
                    let _ = answer.send(receipt);
                }
                if let Some(tracer) = heard.told.get() {
                    trace(tracer.as_ref(), &entries, &began, appended, applied);
                }
            }
        }
    }
    Ok(())
}

/// Tells of the commands that somebody outside sent: those that have a key.
fn trace(
    tracer: &dyn Tracer,
    entries: &[Written],
    began: &Began,
    appended: (Instant, Instant),
    applied: (Instant, Instant),
) {
    let span = |(from, to): (Instant, Instant)| (began.at(from), began.at(to));
    for entry in entries.iter().filter(|entry| entry.head.key.is_some()) {
        let Some(decided) = entry.decided.filter(|_| tracer.wants(entry.seq)) else { continue };
        tracer.entry(EntryTrace {
            entry: entry.seq,
            channel: entry.head.channel.to_string(),
            message_type: entry.head.message_type.to_string(),
            outcome: entry.head.answer.code(),
            received: entry.head.received,
            decided: span(decided),
            journaled: span(appended),
            recorded: span(applied),
        });
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
                digest: self.digest,
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
}
