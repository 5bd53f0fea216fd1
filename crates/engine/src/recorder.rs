//! The record thread: applies what is durable, then answers.

use std::sync::mpsc::{Receiver, SyncSender};

use journal::Position;
use medicines::{Fact, Head, Row};
use record::{Applied, Record};
use tokio::sync::{oneshot, watch};

use crate::command::Receipt;
use crate::error::Error;
use crate::queued::Queued;

/// One entry on its way into the record.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) seq: u64,
    pub(crate) at: jiff::Timestamp,
    pub(crate) head: Head<'static>,
    pub(crate) digest: [u8; 32],
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
    },
    /// Tell when everything before this is applied.
    Barrier(SyncSender<()>),
}

/// Applies jobs until there are no more senders; an error ends it, and drops all who wait.
pub(crate) fn run(
    mut record: Record,
    jobs: &Receiver<Job>,
    progress: &watch::Sender<u64>,
    queued: &Queued,
) -> Result<(), Error> {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Barrier(reached) => {
                // The one who waits may have gone; then nobody needs to know.
                let _ = reached.send(());
            }
            Job::Apply { entries, rows, tip, answers } => {
                apply(&mut record, &entries, &rows, tip)?;
                progress.send_replace(tip.seq);
                queued.tell(entries.iter().flat_map(Written::facts));
                for (answer, receipt) in answers {
                    // A peer that hung up gets no answer; its repeat will.
                    let _ = answer.send(receipt);
                }
            }
        }
    }
    Ok(())
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
