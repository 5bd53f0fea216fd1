//! Removals of which units are still in somebody's hands.
//!
//! The record has no query for them, so the ones that are open are remembered from one gathering
//! to the next: each removal is met once, when it is new, and dropped once all its units are
//! accounted for.

use std::collections::BTreeMap;

use fhir::Id;
use medicines::RowKind;
use medicines::stock::{Movement, Transfer, TransferState};
use record::{MAX_TRANSFERS, Reader};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::Trouble;
use super::people::People;
use super::site::SiteNames;

/// How far the first gathering looks back, in removals, beginning with the newest. A removal that
/// is older and still open at the node's start is not counted among those in hands: it has its
/// case by then, and is among the open cases.
const LOOK_BACK: usize = 20_000;

/// As much of a removal's row as the page needs.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RemovalState {
    pub(super) transfer: Transfer,
    pub(super) in_hands: Decimal,
    /// The unaccounted-dose case, once it opened.
    #[serde(default)]
    pub(super) case: Option<Id>,
}

impl RemovalState {
    /// Reads the row of a removal or a permit.
    pub(super) fn read(reader: &Reader, id: &Id) -> Result<Option<Self>, Trouble> {
        let Some(row) = reader.row(RowKind::Removal, id.as_str())? else {
            return Ok(None);
        };
        serde_json::from_slice(&row).map(Some).map_err(|_| Trouble::Row("removal"))
    }

    fn is_permit(&self) -> bool {
        matches!(self.transfer.state, TransferState::Pending { .. })
    }

    fn is_in_hands(&self) -> bool {
        self.in_hands > Decimal::ZERO
    }
}

/// The removals and permits that are open.
#[derive(Default)]
pub(super) struct Hands {
    open: BTreeMap<Id, Option<RemovalState>>,
    /// The number of the newest transfer that was met.
    met: u64,
}

impl Hands {
    /// Meets the removals that are new and reads again all that are open.
    pub(super) fn refresh(&mut self, reader: &Reader) -> Result<(), Trouble> {
        self.meet(reader)?;
        let mut open = BTreeMap::new();
        for id in self.open.keys() {
            let state = RemovalState::read(reader, id)?;
            if let Some(state) = state.filter(|state| state.is_in_hands() || state.is_permit()) {
                open.insert(id.clone(), Some(state));
            }
        }
        self.open = open;
        Ok(())
    }

    /// How many removals have units in hands.
    pub(super) fn count(&self) -> u64 {
        self.in_hands().map(|_| 1).sum()
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
        for removal in self.in_hands() {
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

    fn in_hands(&self) -> impl Iterator<Item = &RemovalState> {
        self.open.values().flatten().filter(|state| state.is_in_hands())
    }

    fn meet(&mut self, reader: &Reader) -> Result<(), Trouble> {
        let (mut before, mut newest) = (None, self.met);
        for _ in 0..LOOK_BACK.div_ceil(MAX_TRANSFERS) {
            let page = reader.latest_transfers(Some(Movement::Removal), before, MAX_TRANSFERS)?;
            let Some(last) = page.last() else { break };
            before = Some(last.n);
            newest = newest.max(page[0].n);
            let reached = last.n <= self.met;
            for view in page.into_iter().filter(|view| view.n > self.met) {
                if view.transfer.state != TransferState::Voided {
                    self.open.insert(view.transfer.id, None);
                }
            }
            if reached {
                break;
            }
        }
        self.met = newest;
        Ok(())
    }
}
