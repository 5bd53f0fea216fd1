//! The message index: what came in, and the entries that keys lead to.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{integer, key_hash, natural, timestamp};

/// The most messages in one answer.
pub const MAX_MESSAGES: usize = 1_000;

const COLUMNS: &str = "m.seq, m.at, k.channel, k.prefix, m.key, k.type, m.control_id, k.outcome, \
                       m.patient";

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
    /// The kind of message, for instance `RDE^O11`.
    pub message_type: String,
    /// The sender's control id, or empty.
    pub control_id: String,
    /// The answer as a code: `done`, `parked`, `permitted`, `refused`.
    pub outcome: String,
    /// The id of the patient concerned, where one is known.
    pub patient: Option<String>,
}

/// What a message has in common with many others, and what is its own.
const FROM: &str = "FROM message m JOIN message_kind k ON k.n = m.kind";

impl Reader {
    /// The first entry with this key of this channel. A later entry with the same key is a message
    /// that was parked because its control id was used before. What bytes came with it, the
    /// journal knows.
    pub fn find_key(&self, channel: &str, key: &str) -> Result<Option<u64>, Error> {
        if key.is_empty() {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT m.seq, m.control_id, m.key, k.channel, k.prefix FROM message_key h \
             CROSS JOIN message m ON m.seq = h.seq CROSS JOIN message_kind k ON k.n = m.kind \
             WHERE h.hash = ?1 ORDER BY h.seq",
        )?;
        let mut rows = statement.query([key_hash(channel, key)])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, String>(column);
            let whole = match row.get(2)? {
                Some(whole) => whole,
                None => text(4)? + &text(1)?,
            };
            if whole == key && text(3)? == channel {
                return Ok(Some(natural(row.get(0)?)));
            }
        }
        Ok(None)
    }

    /// [`Reader::find_key`] for many keys, as `(channel, key)`, in one state of the record. No key
    /// is found for none.
    pub fn find_keys<'k>(
        &self,
        keys: impl IntoIterator<Item = Option<(&'k str, &'k str)>>,
    ) -> Result<Vec<Option<u64>>, Error> {
        let _snapshot = self.snapshot()?;
        let find = |key: Option<(&str, &str)>| match key {
            Some((channel, key)) => self.find_key(channel, key),
            None => Ok(None),
        };
        keys.into_iter().map(find).collect()
    }

    /// The entry of that number.
    pub fn message(&self, seq: u64) -> Result<Option<MessageView>, Error> {
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE m.seq = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([integer(seq)], view).optional()?)
    }

    /// The newest entries, newest first, from before entry `before` where it is given; at most
    /// [`MAX_MESSAGES`].
    pub fn messages(&self, before: Option<u64>, limit: usize) -> Result<Vec<MessageView>, Error> {
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE m.seq < ?1 ORDER BY m.seq DESC LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = before.map_or(i64::MAX, integer);
        let rows = statement.query_map((before, limited(limit, MAX_MESSAGES)), view)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn view(row: &Row<'_>) -> Result<MessageView, rusqlite::Error> {
    let control_id: String = row.get(6)?;
    let key = match row.get(4)? {
        Some(whole) => whole,
        None => row.get::<_, String>(3)? + &control_id,
    };
    Ok(MessageView {
        seq: natural(row.get(0)?),
        at: timestamp(row.get(1)?),
        channel: row.get(2)?,
        key,
        message_type: row.get(5)?,
        control_id,
        outcome: row.get(7)?,
        patient: row.get(8)?,
    })
}
