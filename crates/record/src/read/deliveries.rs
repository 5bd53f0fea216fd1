//! Deliveries: what to send next, how long the queues are, what became of one.

use std::collections::HashSet;

use fhir::Id;
use jiff::Timestamp;
use medicines::deliveries::{Delivery, DeliveryState};
use rusqlite::{OptionalExtension, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, delivery_state_of, from_json, integer, natural, timestamp};

/// The most deliveries in one answer.
pub const MAX_DELIVERIES: usize = 1_000;
/// The most open deliveries that are looked at to find those that may be sent next.
pub const MAX_QUEUE_SCAN: usize = 20_000;

const COLUMNS: &str = "n, seq, state, attempts, changed_at, detail, body";

/// A message to be sent, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// Its place in the order in which messages were queued, over all channels.
    pub n: u64,
    /// The number of the journal entry that queued it.
    pub seq: u64,
    /// The delivery as it was queued.
    pub delivery: Delivery,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent and an outcome was told, since somebody last decided to send it again.
    pub attempts: u64,
    /// When its state changed last; when it was queued, if it never did.
    pub changed_at: Timestamp,
    /// The peer's acknowledgement code and error codes.
    pub detail: Option<String>,
}

/// The open deliveries of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The channel.
    pub channel: String,
    /// How many deliveries are waiting or unknown.
    pub depth: u64,
    /// When the oldest of them was queued.
    pub oldest: Timestamp,
}

impl Reader {
    /// What the channel may send now, oldest first: of every key (patient) the oldest delivery
    /// that is waiting or unknown, and none of those behind it. At most `limit` and
    /// [`MAX_DELIVERIES`], found among the oldest [`MAX_QUEUE_SCAN`] of the queue.
    ///
    /// An unknown delivery holds back those of its key: the channel's policy says what becomes of
    /// it.
    pub fn deliveries(&self, channel: &str, limit: usize) -> Result<Vec<DeliveryView>, Error> {
        let limit = limit.min(MAX_DELIVERIES);
        let sql = format!(
            "SELECT {COLUMNS}, key FROM delivery INDEXED BY delivery_open \
             WHERE channel = ?1 AND state < 2 ORDER BY n LIMIT {MAX_QUEUE_SCAN}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([channel])?;
        let mut keys = HashSet::new();
        let mut heads = Vec::new();
        while heads.len() < limit
            && let Some(row) = rows.next()?
        {
            if keys.insert(row.get::<_, String>(7)?) {
                heads.push(view(row)?);
            }
        }
        Ok(heads)
    }

    /// Every channel that has open deliveries, in the order of the names.
    pub fn queues(&self) -> Result<Vec<Queue>, Error> {
        let snapshot = self.snapshot()?;
        let mut groups = snapshot.prepare_cached(
            "SELECT channel, count(*), min(n) FROM delivery INDEXED BY delivery_open \
             WHERE state < 2 GROUP BY channel ORDER BY channel",
        )?;
        let mut at = snapshot.prepare_cached("SELECT at FROM delivery WHERE n = ?1")?;
        let mut queues = Vec::new();
        let mut rows = groups.query([])?;
        while let Some(row) = rows.next()? {
            let oldest: i64 = row.get(2)?;
            queues.push(Queue {
                channel: row.get(0)?,
                depth: count(row.get(1)?),
                oldest: timestamp(at.query_row([oldest], |row| row.get(0))?),
            });
        }
        Ok(queues)
    }

    /// The open deliveries of one channel; `None` when there is none.
    pub fn queue(&self, channel: &str) -> Result<Option<Queue>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), (SELECT at FROM delivery INDEXED BY delivery_open \
               WHERE channel = ?1 AND state < 2 ORDER BY n LIMIT 1) \
             FROM delivery INDEXED BY delivery_open WHERE channel = ?1 AND state < 2",
        )?;
        let (depth, oldest): (i64, Option<i64>) =
            statement.query_row([channel], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(oldest.map(|oldest| Queue {
            channel: channel.to_owned(),
            depth: count(depth),
            oldest: timestamp(oldest),
        }))
    }

    /// The delivery of that id.
    pub fn delivery(&self, id: &Id) -> Result<Option<DeliveryView>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM delivery WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.as_str()])?;
        rows.next()?.map(view).transpose()
    }

    /// The newest deliveries of all channels, newest first, from before number `before` where it
    /// is given; at most [`MAX_DELIVERIES`].
    pub fn latest_deliveries(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeliveryView>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM delivery WHERE n < ?1 ORDER BY n DESC LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = before.map_or(i64::MAX, integer);
        statement.query_and_then((before, limited(limit, MAX_DELIVERIES)), view)?.collect()
    }

    /// The newest delivery of a channel that the peer accepted, among its last
    /// [`MAX_QUEUE_SCAN`] rows: when the interface was last known to work.
    pub fn last_delivered(&self, channel: &str) -> Result<Option<Timestamp>, Error> {
        let sql = format!(
            "SELECT changed_at FROM (SELECT channel, state, changed_at FROM delivery \
             ORDER BY n DESC LIMIT {MAX_QUEUE_SCAN}) WHERE channel = ?1 AND state = 2 LIMIT 1"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let at: Option<i64> = statement.query_row([channel], |row| row.get(0)).optional()?;
        Ok(at.map(timestamp))
    }
}

fn view(row: &Row<'_>) -> Result<DeliveryView, Error> {
    Ok(DeliveryView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        state: delivery_state_of(row.get(2)?)?,
        attempts: count(row.get(3)?),
        changed_at: timestamp(row.get(4)?),
        detail: row.get(5)?,
        delivery: from_json("delivery", &row.get::<_, String>(6)?)?,
    })
}
