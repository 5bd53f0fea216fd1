//! The thread that keeps the message index: it follows the journal behind the record.

use std::path::Path;
use std::thread;
use std::time::Duration;

use record::{MessageIndex, MessageIndexer};
use tokio::sync::watch;

use crate::error::Error;

/// The file of the message index, beside the record.
pub const MESSAGES_FILE: &str = "messages.sqlite3";
/// The least time between two looks at the journal that find all there is, so that a busy node
/// wakes the thread a few times in a second and not with every batch.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the thread waits after a failure before it tries again.
const RETRY: Duration = Duration::from_secs(30);

/// Opens the index of a journal beside its record, without what the journal holds since.
pub(crate) fn open(journal: &Path, record: &Path) -> Result<MessageIndexer, Error> {
    let entries = journal::Reader::open(journal)?;
    MessageIndexer::open(&record.with_file_name(MESSAGES_FILE), &entries).map_err(record_error)
}

/// Follows the record on a thread of its own until the record ends. No acknowledgement waits for
/// it: what it has not come to is found a moment later.
pub(crate) fn spawn(
    mut indexer: MessageIndexer,
    journal: &Path,
    mut progress: watch::Receiver<u64>,
) -> Result<(), Error> {
    let entries = journal::Reader::open(journal)?;
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Error::Fault(error.to_string()))?;
    let run = move || {
        loop {
            let upto = *progress.borrow_and_update();
            let pause = match follow(&mut indexer, &entries, upto, &progress) {
                Ok(()) => PAUSE,
                Err(error) => {
                    tracing::error!(code = error.code(), %error, "messages are not indexed");
                    RETRY
                }
            };
            let ended = waiting.block_on(async {
                tokio::time::sleep(pause).await;
                progress.changed().await.is_err()
            });
            if ended {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("messages".to_owned());
    thread.spawn(run).map(drop).map_err(|error| Error::Fault(error.to_string()))
}

fn follow(
    indexer: &mut MessageIndexer,
    entries: &journal::Reader,
    upto: u64,
    progress: &watch::Receiver<u64>,
) -> Result<(), record::Error> {
    // A record that has ended wants its files closed, also in the middle of a long way.
    while progress.has_changed().is_ok() && indexer.follow(entries, upto)? {}
    Ok(())
}

/// The message index of a journal as it is on the disk now: for a program beside the node, or
/// without one. Where no node runs it is brought up to the journal first.
pub fn index_of(journal: &Path, record: &Path) -> Result<MessageIndex, Error> {
    let entries = journal::Reader::open(journal)?;
    // Whoever has the journal's lock may write the index too.
    let lock = journal::Journal::open(journal, entries.site(), journal::Options::default());
    let mut indexer = match &lock {
        Ok(_) => open(journal, record)?,
        Err(_) => MessageIndexer::open_beside(&record.with_file_name(MESSAGES_FILE))
            .map_err(record_error)?,
    };
    while indexer.follow(&entries, u64::MAX).map_err(record_error)? {}
    drop(lock);
    Ok(indexer.index())
}

/// Makes the message index anew from the journal alone. The node must not run.
pub(crate) fn rebuild(journal: &Path, record: &Path) -> Result<(), Error> {
    let entries = journal::Reader::open(journal)?;
    MessageIndexer::remove(&record.with_file_name(MESSAGES_FILE)).map_err(record_error)?;
    let mut indexer = open(journal, record)?;
    while indexer.follow(&entries, u64::MAX).map_err(record_error)? {}
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn record_error(error: record::Error) -> Error {
    Error::Record(error.to_string())
}
