//! What has to be counted of controlled drugs, and what does not add up.

use std::collections::BTreeSet;

use fhir::Id;
use jiff::Timestamp;
use medicines::Site;
use medicines::cases::{Case, CaseKind};
use medicines::controlled::{Classes, Discrepancy, Place};
use record::{MAX_CASES, MAX_PAGES, Reader, RegisterPage, RegisterWindow, place_words};

use super::Trouble;
use super::persons::Persons;
use super::registers::{discrepancy_row, step_row};
use crate::view::{CountRow, CountView, CountsView, OpenDiscrepancy, PersonView};
use crate::words::encoded;

/// How many counts a page shows.
const MAX_ROWS: usize = 100;
/// How many discrepancies a page shows, the oldest ones.
const MAX_DISCREPANCIES: usize = 25;
/// Among how many open cases about controlled drugs those that ask for a count are looked for, in
/// answers of the record.
const CASE_PAGES: usize = 3;

/// Who takes the steps that nobody takes: the first, and those that time takes.
const NOBODY: &str = "interlock";
/// The coded reason of a case that asks for a count.
const OVERDUE: &str = "count-overdue";

/// What has to be counted at a place, or what is overdue anywhere; and the patients whom places
/// name.
pub(crate) fn list(
    reader: &Reader,
    place: Option<&Place>,
    now: Timestamp,
) -> Result<(CountsView, BTreeSet<Id>), Trouble> {
    let (site, classes) = (reader.site()?, reader.classes()?);
    let mut seen = Seen { persons: Persons::new(reader), patients: BTreeSet::new(), now };
    let (mut pages, mut others) = (Vec::new(), Vec::new());
    let mut more = false;
    match place {
        Some(place) => {
            let known = reader.registers_after(Some(place), None, MAX_PAGES)?;
            others = countable(&site, &classes, place, &known);
            for page in known {
                let since = match &page.overdue {
                    Some(case) => reader.case(case)?.map(|view| view.case.opened).or(Some(now)),
                    None => None,
                };
                if since.is_some() || page.count_due.is_some() {
                    pages.push((page, since));
                }
            }
        }
        None => {
            for case in overdue(reader)? {
                let place = case.place.as_deref().and_then(|place| place.parse().ok());
                let (Some(place), Some(item)) = (place, &case.item) else { continue };
                if pages.len() == MAX_ROWS {
                    more = true;
                    break;
                }
                pages.extend(
                    reader.register_page(&place, item)?.map(|page| (page, Some(case.opened))),
                );
            }
        }
    }
    pages.sort_by_key(|(page, since)| (since.is_none(), *since, page.count_due));
    more |= pages.len() > MAX_ROWS;
    pages.truncate(MAX_ROWS);
    let mut rows = Vec::with_capacity(pages.len());
    for (page, since) in pages {
        rows.push(seen.row(page, since)?);
    }
    let (discrepancies, more_discrepancies) = discrepancies(reader, &site, place, now)?;
    let places = reader.register_places()?;
    let view = CountsView {
        now,
        place: place.map(Place::to_string).unwrap_or_default(),
        places: places.iter().map(|place| (place.to_string(), place_words(place))).collect(),
        rows,
        more,
        others,
        discrepancies,
        more_discrepancies,
    };
    Ok((view, seen.patients))
}

/// The open cases that ask for a count, the oldest first.
fn overdue(reader: &Reader) -> Result<Vec<Case>, Trouble> {
    let (mut cases, mut after) = (Vec::new(), None);
    for _ in 0..CASE_PAGES {
        let page = reader.open_cases(Some(CaseKind::ControlledDrug), after, MAX_CASES)?;
        after = page.last().map(|view| view.n);
        let last = page.len() < MAX_CASES;
        cases.extend(page.into_iter().map(|view| view.case).filter(|case| case.reason == OVERDUE));
        if last {
            break;
        }
    }
    Ok(cases)
}

/// How many counts are overdue, as far as they are looked for.
pub(crate) fn overdue_count(reader: &Reader) -> Result<usize, Trouble> {
    Ok(overdue(reader)?.len())
}

/// Patients as they are shown, and who they were.
struct Seen<'r> {
    persons: Persons<'r>,
    patients: BTreeSet<Id>,
    now: Timestamp,
}

impl Seen<'_> {
    fn person(&mut self, place: &Place) -> Result<Option<PersonView>, Trouble> {
        let Some(patient) = place.patient() else { return Ok(None) };
        self.patients.insert(patient.clone());
        self.persons.person(patient, self.now).map(Some)
    }

    fn row(&mut self, page: RegisterPage, overdue: Option<Timestamp>) -> Result<CountRow, Trouble> {
        Ok(CountRow {
            href: page.place.account().map(|_| href(&page.place, &page.item)),
            patient: self.person(&page.place)?,
            place: place_words(&page.place),
            schedule: schedule(&page),
            item: page.name,
            counted: page.last_count,
            overdue,
            due: page.count_due,
        })
    }
}

fn schedule(page: &RegisterPage) -> String {
    page.schedule.map_or("–", |schedule| schedule.as_str()).to_owned()
}

/// The items that can be counted at a place and are not due there.
fn countable(
    site: &Site,
    classes: &Classes,
    place: &Place,
    pages: &[RegisterPage],
) -> Vec<(String, String)> {
    if place.account().is_none() || place.patient().is_some() {
        return Vec::new();
    }
    let due = |code: &str| {
        let page = pages.iter().find(|page| page.item == code);
        page.is_some_and(|page| page.overdue.is_some() || page.count_due.is_some())
    };
    let items = classes.registered.iter().filter(|code| !due(code.as_str()));
    let named = items.filter_map(|code| site.item(code.as_str()));
    let mut items: Vec<(String, String)> =
        named.map(|item| (href(place, &item.code), item.name.clone())).collect();
    items.sort_by_cached_key(|(_, name)| name.to_lowercase());
    items.truncate(MAX_PAGES);
    items
}

fn discrepancies(
    reader: &Reader,
    site: &Site,
    place: Option<&Place>,
    now: Timestamp,
) -> Result<(Vec<OpenDiscrepancy>, usize), Trouble> {
    let place = place.map(Place::to_string);
    let mut known = reader.discrepancies()?;
    known.retain(|one| place.is_none() || one.place == place);
    let more = known.len().saturating_sub(MAX_DISCREPANCIES);
    known.truncate(MAX_DISCREPANCIES);
    let mut open = Vec::with_capacity(known.len());
    for one in known {
        let steps = reader.discrepancy(&one.id)?.map(|(_, steps)| steps).unwrap_or_default();
        let by_people = steps.into_iter().filter(|step| step.by != NOBODY);
        let by_people: Vec<_> = by_people.collect();
        open.push(OpenDiscrepancy {
            row: discrepancy_row(site, &one, now),
            taken: by_people.len(),
            last: by_people.into_iter().next_back().map(|step| step_row(site, step)),
        });
    }
    Ok((open, more))
}

/// What is counted, without what the register has there; and whose it is. None where no register
/// of the item is kept, or nobody has such a place.
pub(crate) fn one(
    reader: &Reader,
    place: &Place,
    item: &str,
    now: Timestamp,
) -> Result<Option<(CountView, BTreeSet<Id>)>, Trouble> {
    let (site, classes) = (reader.site()?, reader.classes()?);
    let (Some(known), true) = (site.item(item), classes.registered.contains(item)) else {
        return Ok(None);
    };
    let page = reader.register_page(place, item)?;
    let is_place = page.is_some()
        || *place == Place::Pharmacy
        || (place.patient().is_none() && reader.register_places()?.contains(place));
    if place.account().is_none() || !is_place {
        return Ok(None);
    }
    let mut seen = Seen { persons: Persons::new(reader), patients: BTreeSet::new(), now };
    let strength = known.strength.as_ref();
    let view = CountView {
        href: href(place, item),
        back: match place.patient() {
            Some(_) => "/counts".to_owned(),
            None => format!("/counts?place={}", encoded(&place.to_string())),
        },
        item: known.name.clone(),
        strength: strength.map(|of| format!("{} {}", of.value.normalize(), of.unit)),
        unit: known.unit.clone(),
        schedule: classes.items.get(item).map_or("–", |one| one.as_str()).to_owned(),
        place: place_words(place),
        patient: seen.person(place)?,
        counted: page.as_ref().and_then(|page| page.last_count),
        entries: page.map_or(0, |page| page.entries),
        begun: now,
    };
    Ok(Some((view, seen.patients)))
}

/// Whether anything was entered on a page since it had so many entries.
pub(crate) fn meanwhile(
    reader: &Reader,
    (place, item): (&Place, &str),
    entries: u64,
) -> Result<bool, Trouble> {
    let window = RegisterWindow { after: entries, limit: 1, ..RegisterWindow::default() };
    let slice = reader.register(place, item, &window)?;
    Ok(slice.is_some_and(|slice| !slice.entries.is_empty()))
}

/// The discrepancy that an act opened, by the number of what it made: ids of one entry of the
/// journal differ in their last part alone.
pub(crate) fn opened_with(reader: &Reader, made: &Id) -> Result<Option<Id>, Trouble> {
    let entry = |id: &Id| id.as_str().rsplit_once('.').map(|(entry, _)| entry.to_owned());
    let of = entry(made);
    let same = |one: &Discrepancy| entry(&one.id) == of;
    Ok(reader.discrepancies()?.into_iter().find(same).map(|one| one.id))
}

/// Where a place's item is counted.
pub(crate) fn href(place: &Place, item: &str) -> String {
    format!("/counts/{}/{}", encoded(&place.to_string()), encoded(item))
}
