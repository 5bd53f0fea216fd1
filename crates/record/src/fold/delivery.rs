//! Messages to be sent, and what became of them.
//!
//! Whether a delivery has to wait for an earlier one of its patient is kept in its row (`behind`),
//! and worked out again only where a delivery begins or ends to hold others back, and where two
//! patients become one.

use medicines::deliveries::{Delivery, DeliveryChange, DeliveryState, Joined, Rerouted, Which};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::Place;
use crate::Error;
use crate::code::{delivery_state, json, nanoseconds};

/// The earliest of a patient's deliveries that holds back those after it; later than all where
/// there is none.
const FIRST_BLOCKER: &str = "coalesce((SELECT min(b.n) FROM delivery b INDEXED BY delivery_blocks \
     WHERE b.state < 2 AND b.blocks = 1 AND b.channel = ?1 AND b.key = ?2), 9223372036854775807)";

pub(super) struct Deliveries<'c> {
    queue: CachedStatement<'c>,
    find: CachedStatement<'c>,
    change: CachedStatement<'c>,
    again: CachedStatement<'c>,
    held_by_older: CachedStatement<'c>,
    older_profile: CachedStatement<'c>,
    open: CachedStatement<'c>,
    order: CachedStatement<'c>,
    join: CachedStatement<'c>,
    lanes: CachedStatement<'c>,
    reroute: CachedStatement<'c>,
    channels: CachedStatement<'c>,
    grow: CachedStatement<'c>,
    shrink: CachedStatement<'c>,
}

/// An open delivery, as far as its change depends on it.
struct Open {
    n: i64,
    key: String,
    channel: String,
    state: i64,
    blocks: bool,
}

impl<'c> Deliveries<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            queue: connection.prepare_cached(
                "INSERT INTO delivery (id, seq, channel, key, at, state, profile, blocks, behind, \
                 attempts, changed_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, \
                 EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_blocks \
                   WHERE state < 2 AND blocks = 1 AND channel = ?3 AND key = ?4), \
                 0, ?5, ?7)",
            )?,
            find: connection.prepare_cached(
                "SELECT n, key, channel, state, blocks FROM delivery WHERE id = ?1 AND state < 2",
            )?,
            change: connection.prepare_cached(
                "UPDATE delivery SET state = ?2, blocks = ?3, attempts = attempts + ?4, \
                 changed_at = ?5, detail = ?6 WHERE n = ?1",
            )?,
            again: connection.prepare_cached(
                "UPDATE delivery SET state = 0, blocks = 0, attempts = 0, changed_at = ?2, \
                 detail = ?3 WHERE n = ?1",
            )?,
            held_by_older: connection.prepare_cached(
                "SELECT DISTINCT key FROM delivery INDEXED BY delivery_blocks \
                 WHERE state < 2 AND blocks = 1 AND channel = ?1 AND (profile = 1 OR ?3) \
                 AND seq < ?2",
            )?,
            // The first conditions are those of the partial index: only open rows are looked at.
            // What is in flight, or stored by the peer, was told and cannot be taken back; what
            // waits for a person is settled by that person.
            older_profile: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_open_profile \
                 SET state = ?2, blocks = 0, changed_at = ?3, detail = ?4 \
                 WHERE state < 2 AND profile = 1 AND channel = ?1 AND seq < ?5 \
                 AND state IN (-4, 0, 1)",
            )?,
            open: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_open \
                 SET state = ?2, blocks = 0, changed_at = ?3, detail = ?4 \
                 WHERE state < 2 AND channel = ?1 AND seq < ?5",
            )?,
            order: connection.prepare_cached(&format!(
                "UPDATE delivery INDEXED BY delivery_lane SET behind = (n > {FIRST_BLOCKER}) \
                 WHERE state < 2 AND channel = ?1 AND key = ?2 \
                 AND behind <> (n > {FIRST_BLOCKER})"
            ))?,
            join: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_lane SET key = ?3 \
                 WHERE state < 2 AND channel = ?1 AND key = ?2",
            )?,
            // Only where one of either channel holds others back can the order change.
            lanes: connection.prepare_cached(
                "SELECT DISTINCT key FROM delivery INDEXED BY delivery_blocks \
                 WHERE state < 2 AND blocks = 1 AND channel IN (?1, ?2)",
            )?,
            reroute: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_open SET channel = ?2 \
                 WHERE state < 2 AND channel = ?1 AND seq < ?3",
            )?,
            channels: connection.prepare_cached("SELECT channel FROM queue ORDER BY channel")?,
            grow: connection.prepare_cached(
                "INSERT INTO queue (channel, depth) VALUES (?1, ?2) \
                 ON CONFLICT (channel) DO UPDATE SET depth = depth + ?2",
            )?,
            shrink: connection
                .prepare_cached("UPDATE queue SET depth = depth - ?2 WHERE channel = ?1")?,
        })
    }

    pub(super) fn queued(&mut self, place: Place, delivery: &Delivery) -> Result<(), Error> {
        self.queue.execute(params![
            delivery.id.as_str(),
            place.seq,
            &*delivery.channel,
            delivery.key.as_str(),
            nanoseconds(delivery.at),
            delivery.profile,
            json("delivery", delivery)?,
        ])?;
        self.grow.execute(params![&*delivery.channel, 1])?;
        Ok(())
    }

    /// A change of a delivery that was never queued, or that has ended, changes nothing. One that
    /// waits again begins anew: its attempts are counted from there.
    pub(super) fn changed(&mut self, place: Place, change: &DeliveryChange) -> Result<(), Error> {
        match &change.which {
            Which::One(id) => {
                let open = self.find.query_row([id.as_str()], open).optional()?;
                match open.filter(|open| follows(open.state, change.state)) {
                    Some(open) => self.one(&open, change),
                    None => Ok(()),
                }
            }
            Which::OlderProfile | Which::Open => self.older(place, change),
        }
    }

    fn one(&mut self, open: &Open, change: &DeliveryChange) -> Result<(), Error> {
        let (state, at) = (delivery_state(change.state), nanoseconds(change.at));
        let detail = change.detail.as_deref();
        if change.state == DeliveryState::Waiting {
            self.again.execute(params![open.n, at, detail])?;
        } else {
            let sent = i64::from(was_sent(change.state));
            self.change.execute(params![open.n, state, change.blocks(), sent, at, detail])?;
        }
        if !change.state.is_open() {
            self.shrink.execute(params![open.channel, 1])?;
        }
        if open.blocks != change.blocks() {
            self.order.execute([&open.channel, &open.key])?;
        }
        Ok(())
    }

    fn older(&mut self, place: Place, change: &DeliveryChange) -> Result<(), Error> {
        let channel = &*change.channel;
        let all = change.which == Which::Open;
        let values = params![channel, place.seq, all];
        let rows = self.held_by_older.query_map(values, |row| row.get(0))?;
        let held = rows.collect::<Result<Vec<String>, _>>()?;
        let (state, at) = (delivery_state(change.state), nanoseconds(change.at));
        let detail = change.detail.as_deref();
        let these = if all { &mut self.open } else { &mut self.older_profile };
        let ended = these.execute(params![channel, state, at, detail, place.seq])?;
        self.shrink.execute(params![channel, i64::try_from(ended).unwrap_or(i64::MAX)])?;
        for key in held {
            self.order.execute([channel, &key])?;
        }
        Ok(())
    }

    /// The open deliveries of one patient become another's: they keep their places among them.
    pub(super) fn joined(&mut self, joined: &Joined) -> Result<(), Error> {
        let rows = self.channels.query_map([], |row| row.get(0))?;
        let channels = rows.collect::<Result<Vec<String>, _>>()?;
        for channel in channels {
            let moved = self.join.execute([&channel, joined.from.as_str(), joined.to.as_str()])?;
            if moved > 0 {
                self.order.execute([&channel, joined.to.as_str()])?;
            }
        }
        Ok(())
    }

    /// The open deliveries of one channel become another's: they keep their places, and those of
    /// a patient wait for each other there as they would have waited had all been queued there.
    pub(super) fn rerouted(&mut self, place: Place, rerouted: &Rerouted) -> Result<(), Error> {
        let (from, to) = (rerouted.from.as_str(), rerouted.to.as_str());
        let rows = self.lanes.query_map([from, to], |row| row.get(0))?;
        let keys = rows.collect::<Result<Vec<String>, _>>()?;
        let moved = self.reroute.execute(params![from, to, place.seq])?;
        let moved = i64::try_from(moved).unwrap_or(i64::MAX);
        self.shrink.execute(params![from, moved])?;
        self.grow.execute(params![to, moved])?;
        for key in keys {
            self.order.execute([to, &key])?;
        }
        Ok(())
    }
}

fn open(row: &rusqlite::Row<'_>) -> rusqlite::Result<Open> {
    Ok(Open {
        n: row.get(0)?,
        key: row.get(1)?,
        channel: row.get(2)?,
        state: row.get(3)?,
        blocks: row.get(4)?,
    })
}

/// Whether an open delivery may go from one state to another. Outcomes of one delivery can be told
/// out of order: the application may have answered before its interface says that it has the
/// message.
fn follows(from: i64, to: DeliveryState) -> bool {
    let is = |state: DeliveryState| from == delivery_state(state);
    match to {
        // Only what was told can wait again: what never left its place waits already.
        DeliveryState::Waiting => !is(DeliveryState::Waiting) && !is(DeliveryState::Accepted),
        DeliveryState::Accepted => !is(DeliveryState::Parked),
        _ => true,
    }
}

/// Whether the change tells of an attempt to send.
fn was_sent(state: DeliveryState) -> bool {
    match state {
        DeliveryState::Delivered
        | DeliveryState::Refused
        | DeliveryState::Deferred
        | DeliveryState::Parked
        | DeliveryState::Unknown => true,
        // The end of what was accepted counts.
        DeliveryState::Accepted
        | DeliveryState::InFlight
        | DeliveryState::Waiting
        | DeliveryState::Superseded => false,
    }
}
