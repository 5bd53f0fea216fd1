//! What was taken, and what was given.

use std::collections::HashMap;

use fhir::resources::MedicationAdministration;
use fhir::types::CodeableConcept;
use fhir::{DateTime, Id, ResourceType};
use jiff::Timestamp;
use medicines::cases::CaseKind;
use medicines::state::Removal;
use medicines::stock::{Account, Movement, Transfer, TransferState};
use record::{Reader, TransferView};

use super::hands::{is_in_hands, removal};
use super::people::People;
use super::site::SiteNames;
use super::{ROWS, Trouble};
use crate::view::{DoseRow, Ground, PatientRef, RemovalRow, Whereabouts};

/// Among how many of the newest transfers the ends of the removals are looked for.
const LOOK_AHEAD: usize = 400;

/// The last removals, with where their units are.
pub(super) fn removals(
    reader: &Reader,
    site: &SiteNames,
    people: &mut People<'_>,
    now: Timestamp,
) -> Result<Vec<RemovalRow>, Trouble> {
    let ends = ends(reader.latest_transfers(None, None, LOOK_AHEAD)?);
    let latest = reader.latest_transfers(Some(Movement::Removal), None, ROWS)?;
    let mut rows = Vec::with_capacity(latest.len());
    for TransferView { transfer, .. } in latest {
        let patient = match &transfer.patient {
            Some(id) => people.patient(id)?.clone(),
            None => PatientRef::default(),
        };
        let state = removal(reader, &transfer.id)?;
        rows.push(RemovalRow {
            key: transfer.id.to_string(),
            at: transfer.activity,
            cabinet: transfer.cabinet.clone().unwrap_or_default(),
            patient,
            item: site.item(&transfer.item).to_owned(),
            quantity: transfer.quantity,
            ground: ground(reader, &transfer)?,
            whereabouts: whereabouts(&transfer, state.as_ref(), &ends, now),
            unit: transfer.unit,
        });
    }
    Ok(rows)
}

/// How the units of each removal left somebody's hands, as far as the transfers tell.
fn ends(transfers: Vec<TransferView>) -> HashMap<Id, Vec<Movement>> {
    let mut ends: HashMap<Id, Vec<Movement>> = HashMap::new();
    for TransferView { transfer, .. } in transfers {
        if let (Account::Hands(removal), TransferState::Posted) = (transfer.from, transfer.state) {
            ends.entry(removal).or_default().push(transfer.movement);
        }
    }
    ends
}

fn ground(reader: &Reader, transfer: &Transfer) -> Result<Ground, Trouble> {
    let Some(case) = &transfer.case else {
        return Ok(if transfer.order.is_some() { Ground::Order } else { Ground::NoOrder });
    };
    let kind = reader.case(case)?.map(|view| view.case.kind);
    Ok(if kind == Some(CaseKind::Override) { Ground::Override } else { Ground::NoOrder })
}

fn whereabouts(
    transfer: &Transfer,
    state: Option<&Removal>,
    ends: &HashMap<Id, Vec<Movement>>,
    now: Timestamp,
) -> Whereabouts {
    match transfer.state {
        TransferState::Pending { expires } if now <= expires => return Whereabouts::Permitted,
        TransferState::Pending { .. } | TransferState::Voided => return Whereabouts::NotTaken,
        TransferState::Posted => {}
    }
    if let Some(state) = state.filter(|state| is_in_hands(state)) {
        return match state.case {
            Some(_) => Whereabouts::Unaccounted(state.in_hands),
            None => Whereabouts::InHands(state.in_hands),
        };
    }
    let ways = ends.get(&transfer.id).map_or(&[][..], Vec::as_slice);
    match ways.first() {
        Some(first) if ways.iter().all(|way| way == first) => match first {
            Movement::Administration => Whereabouts::Given,
            Movement::Waste => Whereabouts::Wasted,
            Movement::Return => Whereabouts::Returned,
            _ => Whereabouts::AccountedFor,
        },
        _ => Whereabouts::AccountedFor,
    }
}

/// The last administrations, given or not.
pub(super) fn doses(
    reader: &Reader,
    site: &SiteNames,
    people: &mut People<'_>,
) -> Result<Vec<DoseRow>, Trouble> {
    let mut rows = Vec::with_capacity(ROWS);
    for stored in reader.latest(ResourceType::MedicationAdministration, ROWS)? {
        // One that cannot be read as an administration is another page's business.
        let Ok(dose) = stored.read::<MedicationAdministration>() else {
            continue;
        };
        let at = dose.effective_date_time.as_ref().map(DateTime::lower);
        let quantity = dose.dosage.as_ref().and_then(|dosage| dosage.dose.as_ref());
        let medicine = dose.medication_concept();
        rows.push(DoseRow {
            key: format!("{}.{}", stored.id, stored.version),
            at: at.unwrap_or(stored.last_updated),
            patient: people.subject(&dose.subject)?,
            medicine: site.item(&words(medicine.as_ref())).to_owned(),
            dose: quantity.and_then(|quantity| {
                let unit = quantity.unit.as_deref().unwrap_or_default();
                let value = quantity.value.as_ref()?.value();
                Some(crate::words::amount(&value, unit))
            }),
            status: dose.status,
            reason: dose.status_reason.first().and_then(|why| why.words().map(str::to_owned)),
        });
    }
    Ok(rows)
}

/// What a person may read of a medicine.
pub(super) fn words(medicine: Option<&CodeableConcept>) -> String {
    medicine.and_then(CodeableConcept::words).unwrap_or("not named").to_owned()
}
