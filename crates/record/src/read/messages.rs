//! The message index: what came in, and the entries that keys lead to.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{integer, natural, timestamp};

/// The most messages in one answer.
pub const MAX_MESSAGES: usize = 1_000;

const COLUMNS: &str = "seq, at, channel, key, digest, type, control_id, outcome, patient";

/// One entry of the journal as the message index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// The number of the entry.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The channel or client from which it came.
    pub channel: String,
    /// The idempotency key, or empty.
    pub key: String,
    /// SHA-256 of the bytes as received.
    pub digest: [u8; 32],
    /// The kind of message, for instance `RDE^O11`.
    pub message_type: String,
    /// The sender's control id, or empty.
    pub control_id: String,
    /// The answer as a code: `done`, `parked`, `permitted`, `refused`.
    pub outcome: String,
    /// The id of the patient concerned, where one is known.
    pub patient: Option<String>,
}

/// The entry that a key leads to, and the SHA-256 of the bytes that came with it.
pub type KeyFound = (u64, [u8; 32]);

impl Reader {
    /// The first entry with this key of this channel, and the SHA-256 of the bytes that came with
    /// it. A later entry with the same key is a message that was parked because its control id was
    /// used before.
    pub fn find_key(&self, channel: &str, key: &str) -> Result<Option<KeyFound>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, digest FROM message \
             WHERE channel = ?1 AND key = ?2 AND key <> '' ORDER BY seq LIMIT 1",
        )?;
        let found: Option<(i64, [u8; 32])> =
            statement.query_row((channel, key), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(found.map(|(seq, digest)| (natural(seq), digest)))
    }

    /// [`Reader::find_key`] for many keys, as `(channel, key)`, in one state of the record. No key
    /// is found for none.
    pub fn find_keys<'k>(
        &self,
        keys: impl IntoIterator<Item = Option<(&'k str, &'k str)>>,
    ) -> Result<Vec<Option<KeyFound>>, Error> {
        let _snapshot = self.snapshot()?;
        let find = |key: Option<(&str, &str)>| match key {
            Some((channel, key)) => self.find_key(channel, key),
            None => Ok(None),
        };
        keys.into_iter().map(find).collect()
    }

    /// The first entry with this key of this channel and these bytes, which tells a repeat of a
    /// message that was itself parked for its key from a third message.
    pub fn find_repeat(
        &self,
        channel: &str,
        key: &str,
        digest: &[u8; 32],
    ) -> Result<Option<u64>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq FROM message WHERE channel = ?1 AND key = ?2 AND key <> '' \
             AND digest = ?3 ORDER BY seq LIMIT 1",
        )?;
        let seq: Option<i64> =
            statement.query_row((channel, key, digest.as_slice()), |row| row.get(0)).optional()?;
        Ok(seq.map(natural))
    }

    /// The entry of that number.
    pub fn message(&self, seq: u64) -> Result<Option<MessageView>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE seq = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([integer(seq)], view).optional()?)
    }

    /// The newest entries, newest first, from before entry `before` where it is given; at most
    /// [`MAX_MESSAGES`].
    pub fn messages(&self, before: Option<u64>, limit: usize) -> Result<Vec<MessageView>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM message WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = before.map_or(i64::MAX, integer);
        let rows = statement.query_map((before, limited(limit, MAX_MESSAGES)), view)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn view(row: &Row<'_>) -> Result<MessageView, rusqlite::Error> {
    Ok(MessageView {
        seq: natural(row.get(0)?),
        at: timestamp(row.get(1)?),
        channel: row.get(2)?,
        key: row.get(3)?,
        digest: row.get(4)?,
        message_type: row.get(5)?,
        control_id: row.get(6)?,
        outcome: row.get(7)?,
        patient: row.get(8)?,
    })
}
