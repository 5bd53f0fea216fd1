//! What somebody has in hands, and one removal of it.

use std::collections::BTreeSet;

use fhir::Id;
use jiff::Timestamp;
use medicines::Site;
use medicines::controlled::{Classes, Schedule};
use medicines::state::Removal;
use record::Reader;

use super::Trouble;
use super::hands::{is_in_hands, removal};
use super::persons::Persons;
use crate::view::{HandRow, HandsView, WasteView};
use crate::words::amount;

/// How many removals a page shows, the newest ones.
const MAX_ROWS: usize = 100;

/// What somebody has in hands, the newest first; and for whom it is.
pub(crate) fn in_hands(
    reader: &Reader,
    who: &str,
    now: Timestamp,
) -> Result<(HandsView, BTreeSet<Id>), Trouble> {
    let (site, classes) = (reader.site()?, reader.classes()?);
    let mut open = reader.open_removals(|one| one.transfer.person == who && is_in_hands(one))?;
    open.sort_by_key(|removal| std::cmp::Reverse(removal.transfer.activity));
    let more = open.len().saturating_sub(MAX_ROWS);
    open.truncate(MAX_ROWS);
    let mut persons = Persons::new(reader);
    let mut rows = Vec::with_capacity(open.len());
    for removal in &open {
        rows.push(row(&site, &classes, &mut persons, removal, now)?);
    }
    let patients = open.into_iter().filter_map(|removal| removal.transfer.patient).collect();
    Ok((HandsView { now, rows, more }, patients))
}

/// The schedule of an item, where it is a controlled drug.
fn schedule(classes: &Classes, item: &str) -> Option<Schedule> {
    classes.items.get(item).copied()
}

fn row(
    site: &Site,
    classes: &Classes,
    persons: &mut Persons<'_>,
    removal: &Removal,
    now: Timestamp,
) -> Result<HandRow, Trouble> {
    let moved = &removal.transfer;
    let schedule = schedule(classes, &moved.item);
    let wastable = schedule.is_some() && moved.patient.is_some();
    let patient = match &moved.patient {
        Some(id) => Some(persons.person(id, now)?),
        None => None,
    };
    Ok(HandRow {
        href: wastable.then(|| href(&moved.id)),
        item: site.item(&moved.item).map_or(&moved.item, |item| &item.name).clone(),
        schedule: schedule.map(|one| one.as_str().to_owned()),
        left: amount(&removal.in_hands, &moved.unit),
        removed: amount(&moved.quantity, &moved.unit),
        taken: moved.activity,
        cabinet: moved.cabinet.clone().unwrap_or_default(),
        patient,
        asked: removal.case.is_some(),
    })
}

/// A removal of a controlled drug by somebody, with the code of its item; and for whom it is. None
/// where it is no such one, or somebody else's.
pub(crate) fn one(
    reader: &Reader,
    id: &Id,
    who: &str,
    now: Timestamp,
) -> Result<Option<(WasteView, String, Option<Id>)>, Trouble> {
    let Some(removal) = removal(reader, id)? else { return Ok(None) };
    let (site, classes) = (reader.site()?, reader.classes()?);
    let moved = &removal.transfer;
    let Some(schedule) = schedule(&classes, &moved.item) else { return Ok(None) };
    if moved.person != who || moved.patient.is_none() || removal.is_permit() {
        return Ok(None);
    }
    let view = WasteView {
        row: row(&site, &classes, &mut Persons::new(reader), &removal, now)?,
        href: href(id),
        unit: moved.unit.clone(),
        open: is_in_hands(&removal),
        denature: schedule.needs_denaturing(),
        second: classes.registered.contains(&moved.item),
        begun: now,
    };
    Ok(Some((view, moved.item.clone(), moved.patient.clone())))
}

/// Where the waste of a removal is entered.
pub(crate) fn href(removal: &Id) -> String {
    format!("/waste/{removal}")
}
