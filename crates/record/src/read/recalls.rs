//! Recalls in force, where their batches are, and what was done with them.

use medicines::RowKind;
use medicines::stock::{Account, BatchState, Exposure, Lines, Trace};

use super::Reader;
use crate::Error;

/// Where stock is, by place.
pub type Held = Vec<(Account, Lines)>;

impl Reader {
    /// The batches whose recall is in force, by item and batch.
    pub fn recalls(&self) -> Result<Vec<BatchState>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM state INDEXED BY state_live \
             WHERE kind = ?1 AND live = 1 ORDER BY key",
        )?;
        let mut rows = statement.query([RowKind::Batch.number()])?;
        let mut recalled = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let batch: BatchState =
                serde_json::from_slice(body).map_err(|_| Error::Json { what: "batch row" })?;
            if batch.recall.is_some() {
                recalled.push(batch);
            }
        }
        Ok(recalled)
    }

    /// The counted places that hold some of a batch, and those that hold some of the item of which
    /// nobody knows the batch: of each place only these lines.
    pub fn batch_places(&self, item: &str, batch: &str) -> Result<(Held, Held), Error> {
        let held = self.holdings(item)?;
        let only = |of: Option<&str>| {
            let counted = held.iter().filter(|(account, _)| account.is_counted());
            let line = counted.map(|(account, lines)| (account, lines.of(of)));
            let some = line.filter(|(_, left)| !left.is_zero() && left.is_sign_positive());
            some.map(|(account, quantity)| {
                let mut line = Lines::default();
                line.add(of, quantity);
                (account.clone(), line)
            })
            .collect()
        };
        Ok((only(Some(batch)), only(None)))
    }

    /// What was taken, given and handed out of a batch, for certain and perhaps, the oldest first.
    pub fn batch_acts(&self, item: &str, batch: &str) -> Result<Vec<Exposure>, Error> {
        let mut trace = Trace::new(batch);
        let mut after = 0;
        loop {
            let page = self.transfers_of(item, after)?;
            let Some(last) = page.last() else { break };
            after = last.n;
            for view in &page {
                trace.take(&view.transfer);
            }
        }
        Ok(trace.into_found())
    }
}
