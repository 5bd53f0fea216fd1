//! The orders that wait for a pharmacist, and one of them beside its earlier version.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use fhir::resources::MedicationRequest;
use fhir::types::Reference;
use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::cases::{Case, CaseKind};
use medicines::orders::{HELD_BY, VERIFIED_BY, changes, risk};
use medicines::state::OrderState;
use medicines::{RowKind, Site};
use record::{CaseView, MAX_CASES, Reader};

use super::ordered::{Line, Part, dose, lines, medicine};
use super::persons::{Persons, allergies, state};
use super::{Trouble, staff};
use crate::view::{
    Change, CompareRow, OrderView, OtherView, QuestionView, QueueView, Standing, WaitingRow,
};

/// How many orders a page has; each patient among them is journalled as seen.
const MAX_ROWS: usize = 50;
/// How many other orders of the patient a page shows.
const MAX_OTHERS: usize = 60;
/// The most characters of a part that is shown as it was sent.
const MAX_RAW_CHARS: usize = 2_000;

const KIND: ResourceType = ResourceType::MedicationRequest;

/// The orders of a ward, or of all where it is empty; and whose they are.
pub(crate) fn queue(
    reader: &Reader,
    ward: &str,
    now: Timestamp,
) -> Result<(QueueView, BTreeSet<Id>), Trouble> {
    let site = reader.site()?;
    let mut persons = Persons::new(reader);
    let mut orders = reader.unverified_orders()?;
    let waiting = orders.len();
    let mut wards: BTreeMap<String, usize> = BTreeMap::new();
    let mut where_is = HashMap::new();
    for order in &orders {
        let of = persons.ward(&order.patient)?.unwrap_or_default();
        *wards.entry(of.clone()).or_default() += 1;
        where_is.insert(order.id.clone(), of);
    }
    wards.remove("");
    if !ward.is_empty() {
        orders.retain(|order| where_is.get(&order.id).is_some_and(|of| of == ward));
    }
    let of_ward = orders.len();
    orders.sort_by_cached_key(|order| {
        (Reverse(risk(&site, order)), order.entered(), order.id.clone())
    });
    orders.truncate(MAX_ROWS);
    let questions = questions(reader)?;
    let mut rows = Vec::with_capacity(orders.len());
    for order in &orders {
        rows.push(waiting_row(reader, &site, &mut persons, &questions, order, now)?);
    }
    let patients = orders.into_iter().map(|order| order.patient).collect();
    let wards = wards.into_iter().collect();
    let ward = ward.to_owned();
    Ok((QueueView { now, ward, wards, waiting, of_ward, rows }, patients))
}

fn waiting_row(
    reader: &Reader,
    site: &Site,
    persons: &mut Persons<'_>,
    questions: &HashMap<Id, Vec<Case>>,
    order: &OrderState,
    now: Timestamp,
) -> Result<WaitingRow, Trouble> {
    let stored = reader.version(KIND, &order.id, order.version)?;
    let before = reader.compared_version(&order.id, order.version)?;
    let read = stored.as_ref().and_then(|stored| stored.read::<MedicationRequest>().ok());
    let changed = before.zip(stored).map(|(before, now)| {
        let mut parts: Vec<&str> = Vec::new();
        for change in changes(&before, &now) {
            let name = Part::of(change.element).name();
            if !parts.contains(&name) {
                parts.push(name);
            }
        }
        parts.join(", ").to_lowercase()
    });
    Ok(WaitingRow {
        order: order.id.clone(),
        risk: risk(site, order),
        entered: order.entered(),
        patient: persons.person(&order.patient, now)?,
        medicine: read.as_ref().map_or_else(|| "not readable".to_owned(), medicine),
        dose: read.as_ref().map(dose).unwrap_or_default(),
        changed,
        questions: questions.get(&order.id).map_or(0, Vec::len),
        held: order.held(),
    })
}

/// The open questions of pharmacists, by order.
fn questions(reader: &Reader) -> Result<HashMap<Id, Vec<Case>>, Trouble> {
    let mut found: HashMap<Id, Vec<Case>> = HashMap::new();
    for kind in [CaseKind::PharmacistQuery, CaseKind::PharmacistIntervention] {
        for CaseView { case, .. } in reader.open_cases(Some(kind), None, MAX_CASES)? {
            if let Some(order) = case.order.clone() {
                found.entry(order).or_default().push(case);
            }
        }
    }
    Ok(found)
}

/// One order, and whose it is; none where there is no such order.
pub(crate) fn order(
    reader: &Reader,
    id: &Id,
    now: Timestamp,
) -> Result<Option<(OrderView, Id)>, Trouble> {
    let Some(row) = reader.row(RowKind::Order, id.as_str())? else { return Ok(None) };
    let order: OrderState = serde_json::from_slice(&row).map_err(|_| Trouble::Row("order"))?;
    let Some(stored) = reader.version(KIND, id, order.version)? else { return Ok(None) };
    let Ok(request) = stored.read::<MedicationRequest>() else { return Err(Trouble::Row("order")) };
    let site = reader.site()?;
    let before = reader.compared_version(id, order.version)?;
    let patient = state(reader, &order.patient)?;
    let questions = questions(reader)?.remove(id).unwrap_or_default();
    let others = match &patient {
        Some(patient) => others(reader, id, &patient.orders)?,
        None => Vec::new(),
    };
    let standing = match (order.is_open(), order.verified()) {
        (false, _) => Standing::Ended,
        (true, true) => Standing::Verified,
        (true, false) => Standing::Waits,
    };
    let view = OrderView {
        now,
        order: id.clone(),
        version: order.version,
        number: order.number.rsplit_once('|').map_or(&*order.number, |(_, own)| own).to_owned(),
        risk: risk(&site, &order),
        entered: order.entered(),
        medicine: medicine(&request),
        standing,
        verified_by: said(&site, &request, VERIFIED_BY),
        held_by: said(&site, &request, HELD_BY),
        patient: Persons::new(reader).person(&order.patient, now)?,
        allergies: patient.map_or_else(|| Ok(Vec::new()), |own| allergies(reader, &own))?,
        before: before.as_ref().map(|before| of_before(&site, before)),
        rows: compared(before.as_ref(), &stored, &request),
        questions: questions.into_iter().map(|case| question(&site, case)).collect(),
        others,
    };
    Ok(Some((view, order.patient)))
}

fn question(site: &Site, case: Case) -> QuestionView {
    QuestionView {
        holds: case.kind == CaseKind::PharmacistIntervention,
        by: staff(site, case.person.as_deref().unwrap_or_default()),
        id: case.id,
        opened: case.opened,
        text: case.text,
    }
}

/// The other orders of a patient that can be taken.
fn others(reader: &Reader, this: &Id, orders: &[Id]) -> Result<Vec<OtherView>, Trouble> {
    let mut views = Vec::new();
    for id in orders.iter().filter(|id| *id != this).take(MAX_OTHERS) {
        let stored = reader.read(KIND, id)?;
        let Some(request) = stored.and_then(|one| one.read::<MedicationRequest>().ok()) else {
            continue;
        };
        views.push(OtherView {
            order: id.clone(),
            medicine: medicine(&request),
            dose: dose(&request),
            status: request.status.as_str().to_owned(),
            verified: request.extension.iter().any(|one| one.url == VERIFIED_BY),
        });
    }
    Ok(views)
}

/// The person whom an extension of the order names.
fn said(site: &Site, order: &MedicationRequest, url: &str) -> Option<String> {
    let extension = order.extension.iter().find(|one| one.url == url)?;
    let person = extension.value_reference.as_deref()?;
    let number = |person: &Reference| person.identifier.as_ref()?.value.clone();
    Some(number(person).map_or_else(|| "a pharmacist".to_owned(), |id| staff(site, &id)))
}

fn of_before(site: &Site, before: &StoredResource) -> String {
    let verified = before.read().ok().and_then(|order| said(site, &order, VERIFIED_BY));
    match verified {
        Some(by) => format!("Version {}, verified by {by}", before.version),
        None => format!("Version {}, not verified", before.version),
    }
}

/// Both versions line by line. A part that differs in its codes alone is shown as it was sent, so
/// that no change goes without a mark.
fn compared(
    before: Option<&StoredResource>,
    now: &StoredResource,
    order: &MedicationRequest,
) -> Vec<CompareRow> {
    let new = lines(order);
    let Some(before) = before else {
        let row = |line: Line| CompareRow {
            label: line.label,
            before: None,
            now: Some(line.text),
            change: Change::Same,
        };
        return new.into_iter().map(row).collect();
    };
    let old = before.read::<MedicationRequest>().map(|order| lines(&order)).unwrap_or_default();
    let differs = changes(before, now);
    let mut rows = Vec::new();
    for part in Part::ALL {
        let of = |lines: &[Line]| -> Vec<Line> {
            lines.iter().filter(|line| line.part == part).cloned().collect()
        };
        let beside = beside(of(&old), of(&new));
        let marked = beside.iter().any(|row| row.change != Change::Same);
        rows.extend(beside);
        let hidden = differs.iter().filter(|change| !marked && Part::of(change.element) == part);
        rows.extend(hidden.map(|change| {
            let cut = |text: &String| text.chars().take(MAX_RAW_CHARS).collect();
            CompareRow {
                label: format!("{}, as it was sent", part.name()),
                before: change.before.as_ref().map(cut),
                now: change.now.as_ref().map(cut),
                change: Change::Changed,
            }
        }));
    }
    rows
}

/// The lines of a part in both versions, by their labels and their order among the same label.
fn beside(old: Vec<Line>, mut new: Vec<Line>) -> Vec<CompareRow> {
    let mut rows = Vec::new();
    for line in old {
        let same = new.iter().position(|other| other.label == line.label);
        // What stands before its partner was added.
        if let Some(at) = same {
            rows.extend(new.drain(..at).map(added));
            let now = new.remove(0).text;
            let change = if now == line.text { Change::Same } else { Change::Changed };
            rows.push(CompareRow {
                label: line.label,
                before: Some(line.text),
                now: Some(now),
                change,
            });
        } else {
            rows.push(CompareRow {
                label: line.label,
                before: Some(line.text),
                now: None,
                change: Change::Removed,
            });
        }
    }
    rows.extend(new.into_iter().map(added));
    rows
}

fn added(line: Line) -> CompareRow {
    CompareRow { label: line.label, before: None, now: Some(line.text), change: Change::Added }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, text: &str) -> Line {
        Line { part: Part::Dosage, label: label.into(), text: text.into() }
    }

    #[track_caller]
    fn check(old: &[(&str, &str)], new: &[(&str, &str)], expected: &[(&str, Change)]) {
        let lines = |of: &[(&str, &str)]| of.iter().map(|(l, t)| line(l, t)).collect::<Vec<_>>();
        let rows = beside(lines(old), lines(new));
        let found: Vec<_> = rows.iter().map(|row| (row.label.as_str(), row.change)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_stand_beside_their_partners() {
        use Change::{Added, Changed, Removed, Same};
        let old = [("Amount", "1 mg"), ("Route", "Oral")];
        check(&old, &old, &[("Amount", Same), ("Route", Same)]);
        check(
            &old,
            &[("Amount", "10 mg"), ("Route", "Oral")],
            &[("Amount", Changed), ("Route", Same)],
        );
        check(
            &old,
            &[("Amount", "1 mg"), ("Rate", "5 ml in 1 h"), ("Route", "Oral")],
            &[("Amount", Same), ("Rate", Added), ("Route", Same)],
        );
        check(&old, &[("Route", "Oral")], &[("Amount", Removed), ("Route", Same)]);
        check(&[], &old, &[("Amount", Added), ("Route", Added)]);
        check(
            &[("Also", "with food"), ("Also", "upright")],
            &[("Also", "upright")],
            &[("Also", Changed), ("Also", Removed)],
        );
    }
}
