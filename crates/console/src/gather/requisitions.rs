//! What wards ask the pharmacy for, and what is on its way to them; who may do which of it.

use access::Role;
use fhir::Id;
use jiff::Timestamp;
use medicines::controlled::{Classes, Place, Requisition};
use medicines::state::Consignment;
use medicines::stock::Account;
use medicines::{RowKind, Site};
use record::{Reader, place_words};

use super::{Trouble, staff};
use crate::view::{AskedRow, HandOver, OnItsWay, RequisitionsView, place_of};
use crate::words::amount;

/// How many requisitions, and how many consignments, a page shows, the oldest ones.
const MAX_ROWS: usize = 100;

/// A step of a supply: each is somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The ward asks.
    Ask,
    /// The pharmacy sends.
    Supply,
    /// The ward receives.
    Receive,
}

/// Whether somebody's role takes a step: people of the ward ask and receive, those of the pharmacy
/// send. Whoever is not on the staff list takes none.
pub(crate) fn may(site: &Site, who: &str, stage: Stage) -> bool {
    let role = site.person(who).map(|person| person.role);
    match stage {
        Stage::Ask | Stage::Receive => matches!(role, Some(Role::Nurse | Role::Prescriber)),
        Stage::Supply => matches!(role, Some(Role::Pharmacist | Role::Technician)),
    }
}

/// The same of the record, before somebody acts.
pub(crate) fn is_allowed(reader: &Reader, who: &str, stage: Stage) -> Result<bool, Trouble> {
    Ok(may(&reader.site()?, who, stage))
}

/// All that is asked for and on its way, as one person sees it.
pub(crate) fn list(
    reader: &Reader,
    who: &str,
    now: Timestamp,
) -> Result<RequisitionsView, Trouble> {
    let (site, classes) = (reader.site()?, reader.classes()?);
    let mut asked = reader.requisitions()?;
    let more_asked = asked.len().saturating_sub(MAX_ROWS);
    asked.truncate(MAX_ROWS);
    let is_one = |one: &Consignment| classes.items.contains_key(&one.transfer.item);
    let mut sent = reader.open_consignments(is_one)?;
    sent.sort_by_key(|one| one.transfer.activity);
    let more_on_the_way = sent.len().saturating_sub(MAX_ROWS);
    sent.truncate(MAX_ROWS);
    Ok(RequisitionsView {
        now,
        asked: asked.iter().map(|one| asked_row(&site, one, who)).collect(),
        more_asked,
        on_the_way: sent.iter().map(|one| on_its_way(&site, one, who, now)).collect(),
        more_on_the_way,
        may_ask: may(&site, who, Stage::Ask),
        places: places(reader, &site)?,
        items: items(&site, &classes),
        begun: now,
    })
}

fn asked_row(site: &Site, one: &Requisition, who: &str) -> AskedRow {
    let (name, unit) = named(site, &one.item);
    AskedRow {
        id: one.id.to_string(),
        may_supply: one.person != who && may(site, who, Stage::Supply),
        item: name.to_owned(),
        place: place_words(&one.place),
        asked: amount(&one.quantity, unit),
        left: amount(&(one.quantity - one.supplied), unit),
        by: staff(site, &one.person),
        at: one.at,
    }
}

fn on_its_way(site: &Site, one: &Consignment, who: &str, now: Timestamp) -> OnItsWay {
    let moved = &one.transfer;
    let at_cabinet = receiving_place(one).is_none();
    let from = Place::of(&moved.from);
    OnItsWay {
        id: moved.id.to_string(),
        may_receive: !at_cabinet && moved.person != who && may(site, who, Stage::Receive),
        at_cabinet,
        item: named(site, &moved.item).0.to_owned(),
        place: place_of(moved.towards.as_deref()),
        from: from.map_or_else(|| moved.from.to_string(), |place| place_words(&place)),
        left: amount(&one.left, &moved.unit),
        by: staff(site, &moved.person),
        at: moved.activity,
        due: one.due,
        late: one.case.is_some() || one.due < now,
    }
}

/// Where a consignment is received by hand; none where a cabinet's pockets are filled with it.
fn receiving_place(one: &Consignment) -> Option<Account> {
    one.transfer.towards.as_deref().and_then(|to| to.parse().ok())
}

fn named<'s>(site: &'s Site, code: &'s str) -> (&'s str, &'s str) {
    site.item(code).map_or((code, ""), |item| (item.name.as_str(), item.unit.as_str()))
}

/// The wards and cabinets for which somebody may ask.
fn places(reader: &Reader, site: &Site) -> Result<Vec<(String, String)>, Trouble> {
    let mut places: Vec<Place> = Vec::new();
    for cabinet in &site.cabinets {
        places.extend(cabinet.wards.iter().cloned().map(Place::Ward));
        places.push(Place::Cabinet(cabinet.id()));
    }
    let known = reader.register_places()?.into_iter();
    places.extend(known.filter(|place| matches!(place, Place::Ward(_))));
    places.sort();
    places.dedup();
    // A ward is asked for more often than a cabinet, which asks by itself.
    places.sort_by_key(|place| matches!(place, Place::Cabinet(_)));
    Ok(places.iter().map(|place| (place.to_string(), place_words(place))).collect())
}

fn items(site: &Site, classes: &Classes) -> Vec<(String, String)> {
    let named = classes.items.keys().filter_map(|code| site.item(code.as_str()));
    let mut items: Vec<_> =
        named.map(|item| (item.code.clone(), format!("{} ({})", item.name, item.unit))).collect();
    items.sort_by_cached_key(|(_, name)| name.to_lowercase());
    items
}

/// A requisition that somebody is about to send; none where there is nothing left of it to send.
pub(crate) fn to_supply(
    reader: &Reader,
    id: &Id,
    now: Timestamp,
) -> Result<Option<HandOver>, Trouble> {
    let Some(asked) = reader.requisition(id)? else { return Ok(None) };
    let site = reader.site()?;
    let (name, unit) = named(&site, &asked.item);
    let robots = reader.register_places()?.into_iter();
    let robots = robots.filter(|place| matches!(place, Place::Robot(_)));
    let from = std::iter::once(Place::Pharmacy).chain(robots);
    Ok(Some(HandOver {
        href: format!("/requisitions/{id}/supply"),
        item: name.to_owned(),
        place: place_words(&asked.place),
        unit: unit.to_owned(),
        left: amount(&(asked.quantity - asked.supplied), unit),
        number: (asked.quantity - asked.supplied).normalize().to_string(),
        by: staff(&site, &asked.person),
        at: asked.at,
        from: from.map(|place| (place.to_string(), place_words(&place))).collect(),
        second: false,
        begun: now,
    }))
}

/// A consignment that somebody is about to receive; none where it is over, or goes to a cabinet.
pub(crate) fn to_receive(
    reader: &Reader,
    id: &Id,
    now: Timestamp,
) -> Result<Option<HandOver>, Trouble> {
    let Some(sent) = consignment(reader, id)? else { return Ok(None) };
    let (site, classes) = (reader.site()?, reader.classes()?);
    let moved = &sent.transfer;
    if !classes.items.contains_key(&moved.item) || receiving_place(&sent).is_none() {
        return Ok(None);
    }
    Ok(Some(HandOver {
        href: format!("/requisitions/{id}/receipt"),
        item: named(&site, &moved.item).0.to_owned(),
        place: place_of(moved.towards.as_deref()),
        unit: moved.unit.clone(),
        left: amount(&sent.left, &moved.unit),
        number: sent.left.normalize().to_string(),
        by: staff(&site, &moved.person),
        at: moved.activity,
        from: Vec::new(),
        second: site.controlled.witness_receipt && classes.registered.contains(&moved.item),
        begun: now,
    }))
}

fn consignment(reader: &Reader, id: &Id) -> Result<Option<Consignment>, Trouble> {
    let row = reader.row(RowKind::Consignment, id.as_str())?;
    let read = |row: Vec<u8>| serde_json::from_slice(&row).map_err(|_| Trouble::Row("consignment"));
    row.map(read).transpose()
}

/// The discrepancy about what did not come of a consignment, if one is open.
pub(crate) fn missing(reader: &Reader, consignment: &Id) -> Result<Option<Id>, Trouble> {
    for one in reader.discrepancies()? {
        let case = reader.case(&one.id)?;
        if case.is_some_and(|view| view.case.removal.as_ref() == Some(consignment)) {
            return Ok(Some(one.id));
        }
    }
    Ok(None)
}
