//! Transfers and pocket activity: the last ones, and counts since a time.

use fhir::Id;
use jiff::Timestamp;
use medicines::RowKind;
use medicines::cabinet::{CriticalSpan, Transaction};
use medicines::stock::{Account, BatchState, Lines, Movement, Transfer};
use rusqlite::{Params, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, from_json, integer, movement, nanoseconds, natural, timestamp};

/// The most transfers or pocket activities in one answer.
pub const MAX_TRANSFERS: usize = 1_000;
/// The most of the newest transfers among which those of one movement are looked for.
pub const MAX_SCAN: usize = 20_000;

const TRANSFER_COLUMNS: &str = "n, seq, told, body";
const POCKET_COLUMNS: &str = "n, seq, body";

/// A transfer as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferView {
    /// Its number, in the order in which transfers were first told.
    pub n: u64,
    /// The number of the journal entry that told its state.
    pub seq: u64,
    /// When that was recorded.
    pub told: Timestamp,
    /// The transfer.
    pub transfer: Transfer,
}

/// What a cabinet told about a pocket.
#[derive(Debug, Clone, PartialEq)]
pub struct PocketView {
    /// Its number, for the next page.
    pub n: u64,
    /// The number of the journal entry.
    pub seq: u64,
    /// What was told.
    pub activity: Transaction,
}

/// How many transfers of each kind happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Removals from cabinets.
    pub removed: u64,
    /// Doses given.
    pub given: u64,
    /// Returns to a pocket or a return bin.
    pub returned: u64,
    /// Wasted.
    pub wasted: u64,
    /// Counts that found a difference.
    pub counted: u64,
    /// Put into pockets or taken off them by the pharmacy.
    pub restocked: u64,
}

impl Reader {
    /// The transfer of that id, as it stands.
    pub fn transfer(&self, id: &Id) -> Result<Option<TransferView>, Error> {
        let sql = format!("SELECT {TRANSFER_COLUMNS} FROM transfer WHERE id = ?1");
        Ok(self.transfer_views(&sql, [id.as_str()])?.pop())
    }

    /// The newest transfers, newest first, of one movement (among the last [`MAX_SCAN`]) or of
    /// all, from before number `before` where it is given; at most [`MAX_TRANSFERS`]. Permits
    /// that were not used are among them, as pending or voided.
    pub fn latest_transfers(
        &self,
        of: Option<Movement>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<TransferView>, Error> {
        let before = before.map_or(i64::MAX, integer);
        let limit = limited(limit, MAX_TRANSFERS);
        match of {
            Some(of) => self.transfer_views(
                &format!(
                    "SELECT {TRANSFER_COLUMNS} FROM transfer WHERE n < ?1 AND movement = ?3 \
                     AND n > min(?1, (SELECT max(n) + 1 FROM transfer)) - {MAX_SCAN} \
                     ORDER BY n DESC LIMIT ?2"
                ),
                (before, limit, movement(of)),
            ),
            None => self.transfer_views(
                &format!(
                    "SELECT {TRANSFER_COLUMNS} FROM transfer WHERE n < ?1 \
                     ORDER BY n DESC LIMIT ?2"
                ),
                (before, limit),
            ),
        }
    }

    /// The transfers of an item in the order in which they were first told, from after number
    /// `after` on; at most [`MAX_TRANSFERS`].
    pub fn transfers_of(&self, item: &str, after: u64) -> Result<Vec<TransferView>, Error> {
        let sql = format!(
            "SELECT {TRANSFER_COLUMNS} FROM transfer INDEXED BY transfer_item \
             WHERE item = ?1 AND n > ?2 ORDER BY n LIMIT {MAX_TRANSFERS}"
        );
        self.transfer_views(&sql, (item, integer(after)))
    }

    /// Where an item is: the accounts that hold some of it, with what they hold by batch, in the
    /// order of their names. What was given to patients is not among them.
    pub fn holdings(&self, item: &str) -> Result<Vec<(Account, Lines)>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, body FROM state INDEXED BY state_live \
             WHERE kind = ?1 AND live = 1 ORDER BY key",
        )?;
        let mut rows = statement.query([RowKind::Balance.number()])?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            let Some((account, _)) = key.rsplit_once('|').filter(|(_, of)| *of == item) else {
                continue;
            };
            let account = account.parse().map_err(|_| Error::Corrupt("an account".into()))?;
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let lines =
                serde_json::from_slice(body).map_err(|_| Error::Json { what: "balance row" })?;
            held.push((account, lines));
        }
        Ok(held)
    }

    /// What is known of a batch beside its number.
    pub fn batch(&self, item: &str, batch: &str) -> Result<Option<BatchState>, Error> {
        let body = self.row(RowKind::Batch, &format!("{item}|{batch}"))?;
        let read = |body: Vec<u8>| {
            serde_json::from_slice(&body).map_err(|_| Error::Json { what: "batch row" })
        };
        body.map(read).transpose()
    }

    /// When the critical override was on, the newest span last; one without an end is on now.
    pub fn critical_override(&self) -> Result<Vec<CriticalSpan>, Error> {
        let Some(body) = self.row(RowKind::CriticalOverride, "")? else { return Ok(Vec::new()) };
        serde_json::from_slice(&body).map_err(|_| Error::Json { what: "critical override row" })
    }

    /// What happened since a time, by when it was recorded as having happened.
    pub fn tally_since(&self, since: Timestamp) -> Result<Tally, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT movement, count(*) FROM transfer INDEXED BY transfer_posted \
             WHERE state = 1 AND told >= ?1 GROUP BY movement",
        )?;
        let mut tally = Tally::default();
        let mut rows = statement.query([nanoseconds(since)])?;
        while let Some(row) = rows.next()? {
            let of: String = row.get(0)?;
            let part = match of.as_str() {
                "removal" => &mut tally.removed,
                "administration" => &mut tally.given,
                "return" => &mut tally.returned,
                "waste" => &mut tally.wasted,
                "count" => &mut tally.counted,
                "restock" => &mut tally.restocked,
                _ => continue,
            };
            *part = count(row.get(1)?);
        }
        Ok(tally)
    }

    /// What cabinets told about their pockets, newest first, of one cabinet (`system/station`) or
    /// of all, from before number `before` where it is given; at most [`MAX_TRANSFERS`].
    pub fn latest_activity(
        &self,
        cabinet: Option<&str>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<PocketView>, Error> {
        let of = if cabinet.is_some() { "cabinet = ?3" } else { "?3 IS NULL" };
        let sql = format!(
            "SELECT {POCKET_COLUMNS} FROM pocket_activity WHERE n < ?1 AND {of} \
             ORDER BY n DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = before.map_or(i64::MAX, integer);
        let values = (before, limited(limit, MAX_TRANSFERS), cabinet);
        statement.query_and_then(values, pocket_view)?.collect()
    }

    fn transfer_views(&self, sql: &str, values: impl Params) -> Result<Vec<TransferView>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_and_then(values, transfer_view)?.collect()
    }
}

fn transfer_view(row: &Row<'_>) -> Result<TransferView, Error> {
    Ok(TransferView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        told: timestamp(row.get(2)?),
        transfer: from_json("transfer", &row.get::<_, String>(3)?)?,
    })
}

fn pocket_view(row: &Row<'_>) -> Result<PocketView, Error> {
    Ok(PocketView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        activity: from_json("pocket transaction", &row.get::<_, String>(2)?)?,
    })
}
