//! Removals of which units are still in somebody's hands.

use fhir::Id;
use medicines::RowKind;
use medicines::state::Removal;
use record::Reader;
use rust_decimal::Decimal;

use super::Trouble;
use super::people::People;
use super::site::SiteNames;

/// The row of a removal or a permit.
pub(super) fn removal(reader: &Reader, id: &Id) -> Result<Option<Removal>, Trouble> {
    let Some(row) = reader.row(RowKind::Removal, id.as_str())? else {
        return Ok(None);
    };
    serde_json::from_slice(&row).map(Some).map_err(|_| Trouble::Row("removal"))
}

/// Whether units of a removal are in hands.
pub(super) fn is_in_hands(removal: &Removal) -> bool {
    removal.in_hands > Decimal::ZERO
}

/// The removals of which units are in hands now, whenever they were made.
pub(super) struct Hands(Vec<Removal>);

impl Hands {
    /// Reads the removals that are open: it costs what is in hands, and not what ever was.
    pub(super) fn read(reader: &Reader) -> Result<Self, Trouble> {
        Ok(Hands(reader.open_removals(is_in_hands)?))
    }

    /// How many removals have units in hands, [`record::MAX_OPEN`] at the most.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|_| 1).sum()
    }

    /// How many of them are for a patient of the ward, or, where the patient has no ward, from
    /// a cabinet of this ward alone.
    pub(super) fn in_ward(
        &self,
        ward: &str,
        site: &SiteNames,
        people: &mut People<'_>,
    ) -> Result<u64, Trouble> {
        let mut count = 0;
        for removal in &self.0 {
            let of_patient = match &removal.transfer.patient {
                Some(id) => people.patient(id)?.ward.clone(),
                None => None,
            };
            let cabinet = removal.transfer.cabinet.as_deref();
            let of_cabinet = || cabinet.and_then(|cabinet| site.ward_of(cabinet));
            count += u64::from(of_patient.as_deref().or_else(of_cabinet) == Some(ward));
        }
        Ok(count)
    }
}
