//! Deliveries: what to send next, how long the queues are, what became of one.

use fhir::Id;
use jiff::Timestamp;
use medicines::deliveries::{Delivery, DeliveryState};
use rusqlite::{OptionalExtension, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, delivery_state_of, from_json, integer, natural, timestamp};

/// The most deliveries in one answer.
pub const MAX_DELIVERIES: usize = 1_000;
/// The most rows that are looked at to find when a channel's peer last accepted something.
pub const MAX_QUEUE_SCAN: usize = 20_000;

const COLUMNS: &str = "n, seq, state, attempts, changed_at, detail, body, key, channel";

/// A message to be sent, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// Its place in the order in which messages were queued, over all channels.
    pub n: u64,
    /// The number of the journal entry that queued it.
    pub seq: u64,
    /// The delivery as it was queued, with the key and the channel that it has now.
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
    /// How many deliveries are open: everything but delivered, refused and superseded.
    pub depth: u64,
    /// When the oldest of them was queued.
    pub oldest: Timestamp,
}

impl Reader {
    /// What the channel may send now, oldest first: the open deliveries that `take` accepts and
    /// that wait for no earlier one of their key (patient). At most `limit` and
    /// [`MAX_DELIVERIES`].
    ///
    /// Those behind a delivery that is unknown, put off, parked, or accepted and waited for are
    /// not looked at, however many they are. Of a key of which nothing is held all deliveries are
    /// given, in their order.
    pub fn deliveries(
        &self,
        channel: &str,
        limit: usize,
        mut take: impl FnMut(&DeliveryView) -> bool,
    ) -> Result<Vec<DeliveryView>, Error> {
        self.deliveries_while(channel, limit, |view| Some(take(view)))
    }

    /// [`Reader::deliveries`] up to the first delivery for which `take` answers `None`.
    pub fn deliveries_while(
        &self,
        channel: &str,
        limit: usize,
        mut take: impl FnMut(&DeliveryView) -> Option<bool>,
    ) -> Result<Vec<DeliveryView>, Error> {
        let limit = limit.min(MAX_DELIVERIES);
        let sql = format!(
            "SELECT {COLUMNS} FROM delivery INDEXED BY delivery_free \
             WHERE channel = ?1 AND state < 2 AND behind = 0 ORDER BY n"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([channel])?;
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = rows.next()?
        {
            let view = view(row)?;
            match take(&view) {
                Some(true) => found.push(view),
                Some(false) => {}
                None => break,
            }
        }
        Ok(found)
    }

    /// What the peer of the channel has stored and not answered for yet, oldest first; at most
    /// `limit` and [`MAX_DELIVERIES`].
    pub fn accepted(&self, channel: &str, limit: usize) -> Result<Vec<DeliveryView>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delivery INDEXED BY delivery_accepted \
             WHERE channel = ?1 AND state = -2 ORDER BY n LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement.query_and_then((channel, limited(limit, MAX_DELIVERIES)), view)?.collect()
    }

    /// Every channel that has open deliveries, in the order of the names.
    pub fn queues(&self) -> Result<Vec<Queue>, Error> {
        let snapshot = self.snapshot()?;
        let mut statement = snapshot.prepare_cached(
            "SELECT channel, depth, (SELECT at FROM delivery d INDEXED BY delivery_open \
               WHERE d.channel = queue.channel AND d.state < 2 ORDER BY d.n LIMIT 1) \
             FROM queue WHERE depth > 0 ORDER BY channel",
        )?;
        statement.query_and_then([], queue)?.collect()
    }

    /// The open deliveries of one channel; `None` when there is none.
    pub fn queue(&self, channel: &str) -> Result<Option<Queue>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, depth, (SELECT at FROM delivery d INDEXED BY delivery_open \
               WHERE d.channel = ?1 AND d.state < 2 ORDER BY d.n LIMIT 1) \
             FROM queue WHERE depth > 0 AND channel = ?1",
        )?;
        let mut rows = statement.query([channel])?;
        rows.next()?.map(queue).transpose()
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

fn queue(row: &Row<'_>) -> Result<Queue, Error> {
    Ok(Queue {
        channel: row.get(0)?,
        depth: count(row.get(1)?),
        oldest: timestamp(row.get::<_, Option<i64>>(2)?.unwrap_or_default()),
    })
}

fn view(row: &Row<'_>) -> Result<DeliveryView, Error> {
    let mut delivery: Delivery = from_json("delivery", &row.get::<_, String>(6)?)?;
    // The patient may have been merged into another one since.
    delivery.key = Id::new(&row.get::<_, String>(7)?)
        .map_err(|_| Error::Corrupt("the key of a delivery".to_owned()))?;
    // Another channel may send it since the one for which it was queued is gone.
    let channel: String = row.get(8)?;
    if *delivery.channel != *channel {
        delivery.channel = channel.into();
    }
    Ok(DeliveryView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        state: delivery_state_of(row.get(2)?)?,
        attempts: count(row.get(3)?),
        changed_at: timestamp(row.get(4)?),
        detail: row.get(5)?,
        delivery,
    })
}
