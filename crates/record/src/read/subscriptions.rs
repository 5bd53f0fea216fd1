//! Subscriptions as they stand.

use fhir::Id;
use medicines::RowKind;
use medicines::subscriptions::Subscription;

use super::Reader;
use crate::Error;

impl Reader {
    /// All subscriptions, in the order of their ids; at most
    /// [`medicines::subscriptions::MAX_OF_SITE`], which the domain sees to.
    pub fn subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        let sql = "SELECT body FROM state WHERE kind = ?1 AND live = 1 ORDER BY key";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([RowKind::Subscription.number()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(&row.get::<_, Vec<u8>>(0)?)?);
        }
        Ok(found)
    }

    /// The subscription whose resource has the id.
    pub fn subscription(&self, id: &Id) -> Result<Option<Subscription>, Error> {
        let Some(body) = self.row(RowKind::Subscription, id.as_str())? else { return Ok(None) };
        // The row of one that was deleted is empty.
        serde_json::from_slice(&body).map_err(|_| Error::Json { what: "subscription" })
    }
}

fn read(body: &[u8]) -> Result<Subscription, Error> {
    serde_json::from_slice(body).map_err(|_| Error::Json { what: "subscription" })
}
