//! The last entries of the journal.

use std::collections::BTreeMap;

use engine::Engine;
use record::Reader;

use super::{ROWS, Trouble};
use crate::view::EntryRow;

/// How many hexadecimal digits of a hash are shown: enough to compare two screens by eye.
const HASH_DIGITS: usize = 8;

/// The starts of the hashes of the entries that were shown last, by number.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<u64, String>);

impl Entries {
    /// The last entries, newest first.
    pub(super) fn latest(
        &mut self,
        reader: &Reader,
        engine: &Engine,
    ) -> Result<Vec<EntryRow>, Trouble> {
        let messages = reader.messages(None, ROWS)?;
        self.0.retain(|seq, _| messages.iter().any(|message| message.seq == *seq));
        if messages.iter().any(|message| !self.0.contains_key(&message.seq)) {
            let journal = engine.journal()?;
            for message in &messages {
                if self.0.contains_key(&message.seq) {
                    continue;
                }
                let entry = journal.get(message.seq).map_err(engine::Error::from)?;
                let hash = entry.map(|entry| entry.hash.to_string()).unwrap_or_default();
                self.0.insert(message.seq, hash.chars().take(HASH_DIGITS).collect());
            }
        }
        let row = |message: record::MessageView| EntryRow {
            hash: self.0.get(&message.seq).cloned().unwrap_or_default(),
            seq: message.seq,
            at: message.at,
            channel: message.channel,
            message_type: message.message_type,
            outcome: message.outcome,
        };
        Ok(messages.into_iter().map(row).collect())
    }
}
