//! The registers of controlled drugs, and their discrepancies.

use std::collections::BTreeSet;

use fhir::Id;
use jiff::Timestamp;
use medicines::Site;
use medicines::controlled::{Discrepancy, DiscrepancyStatus, Place, StepTaken};
use record::{Printed, Reader, RegisterPage, RegisterWindow, place_words};
use rust_decimal::Decimal;

use super::{Trouble, counts, staff};
use crate::view::{
    DiscrepancyRow, DiscrepancyView, RegisterRow, RegisterView, RegistersView, StepRow,
};
use crate::words::{amount, encoded, sentence};

/// How many pages of the registers one screen lists.
const MAX_ROWS: usize = 100;
/// How many discrepancies it lists, the oldest ones.
const MAX_DISCREPANCIES: usize = 100;

/// Pages of the registers in the order of their places, of one place or of all, after the one of a
/// place and an item; the discrepancies that are not over; and the patients whom places name.
pub(crate) fn list(
    reader: &Reader,
    place: Option<&Place>,
    after: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<(RegistersView, BTreeSet<Id>), Trouble> {
    let site = reader.site()?;
    let mut pages = reader.registers_after(place, after, MAX_ROWS + 1)?;
    let more = pages.len() > MAX_ROWS;
    pages.truncate(MAX_ROWS);
    let chosen = place.map(Place::to_string).unwrap_or_default();
    let next = pages.last().filter(|_| more).map(|last| {
        let after = format!("{}|{}", last.place, last.item);
        format!("/registers?place={}&after={}", encoded(&chosen), encoded(&after))
    });
    let patients = pages.iter().filter_map(|page| page.place.patient().cloned()).collect();
    let mut known = reader.discrepancies()?;
    let more_discrepancies = known.len().saturating_sub(MAX_DISCREPANCIES);
    known.truncate(MAX_DISCREPANCIES);
    let places = reader.register_places()?;
    let view = RegistersView {
        now,
        place: chosen,
        places: places.iter().map(|place| (place.to_string(), place_words(place))).collect(),
        rows: pages.iter().map(row).collect(),
        later: after.is_some(),
        next,
        overdue: counts::overdue_count(reader)?,
        discrepancies: known.iter().map(|one| discrepancy_row(&site, one, now)).collect(),
        more_discrepancies,
    };
    Ok((view, patients))
}

fn row(page: &RegisterPage) -> RegisterRow {
    RegisterRow {
        href: href(&page.place, &page.item),
        place: place_words(&page.place),
        item: page.name.clone(),
        schedule: page.schedule.map_or("–", |schedule| schedule.as_str()).to_owned(),
        balance: amount(&page.balance, &page.unit),
        counted: page.last_count,
        due: page.count_due,
        overdue: page.overdue.is_some(),
    }
}

pub(super) fn discrepancy_row(site: &Site, one: &Discrepancy, now: Timestamp) -> DiscrepancyRow {
    let item = site.item(&one.item);
    let unit = item.map_or("", |item| item.unit.as_str());
    DiscrepancyRow {
        href: format!("/registers/discrepancies/{}", one.id),
        item: item.map_or(&one.item, |item| &item.name).clone(),
        place: match &one.place {
            Some(place) => place.parse().map_or_else(|_| place.clone(), |at| place_words(&at)),
            None => "place not told".to_owned(),
        },
        quantity: one.quantity.map(|quantity| difference(one, quantity, unit)).unwrap_or_default(),
        reason: sentence(&one.reason),
        status: one.status.as_str().to_owned(),
        opened: one.opened,
        due: one.due,
        late: one.due < now,
    }
}

/// How much a discrepancy is about. Of a count it is told whether something is missing; elsewhere
/// the reason says so.
fn difference(one: &Discrepancy, quantity: Decimal, unit: &str) -> String {
    let words = amount(&quantity.abs(), unit);
    match one.reason.as_str() {
        "count-differs" if quantity < Decimal::ZERO => format!("{words} missing"),
        "count-differs" => format!("{words} too many"),
        _ => amount(&quantity, unit),
    }
}

/// What is asked of a page.
pub(crate) struct Asked {
    pub(crate) place: Place,
    pub(crate) item: String,
    pub(crate) window: RegisterWindow,
    /// The most entries.
    pub(crate) most: usize,
    /// The hospital, and the time.
    pub(crate) owner: String,
    pub(crate) now: Timestamp,
}

/// One page of the registers with its entries of a window.
pub(crate) fn page(reader: &Reader, asked: &Asked) -> Result<Option<Printed>, Trouble> {
    let of = (&asked.place, asked.item.as_str());
    let made = (Some(asked.owner.as_str()), asked.now);
    Ok(reader.register_sheet(of, &asked.window, asked.most, made)?)
}

/// The page as it is shown on a screen.
pub(crate) fn view(printed: &Printed, from: String, to: String) -> RegisterView {
    let page = &printed.page;
    RegisterView {
        href: href(&page.place, &page.item),
        title: format!("{}, {}", page.name, place_words(&page.place)),
        balance: amount(&page.balance, &page.unit),
        overdue: page.overdue.is_some(),
        sheet: printed.sheet.clone(),
        from,
        to,
        more: printed.more,
    }
}

/// A discrepancy with its steps; none where there is no such one.
pub(crate) fn discrepancy(
    reader: &Reader,
    id: &Id,
    now: Timestamp,
) -> Result<Option<DiscrepancyView>, Trouble> {
    use DiscrepancyStatus as S;
    let Some((known, steps)) = reader.discrepancy(id)? else { return Ok(None) };
    let site = reader.site()?;
    let steps = steps.into_iter().map(|step| step_row(&site, step));
    let place: Option<Place> = known.place.as_deref().and_then(|place| place.parse().ok());
    let counted = place.as_ref().filter(|place| place.account().is_some());
    let next = [
        (S::Investigating, "I look into it"),
        (S::Resolved, "It is explained"),
        (S::Escalated, "Bring it to the accountable officer"),
        (S::Closed, "Close it, as the accountable officer"),
    ];
    let next = next.into_iter().filter(|(status, _)| known.status.may_become(*status));
    Ok(Some(DiscrepancyView {
        row: discrepancy_row(&site, &known, now),
        steps: steps.collect(),
        next: next.map(|(status, words)| (status.as_str(), words)).collect(),
        again: counted.map(|place| counts::href(place, &known.item)),
        register: place.map(|place| href(&place, &known.item)),
    }))
}

/// A step as a page shows it.
pub(super) fn step_row(site: &Site, step: StepTaken) -> StepRow {
    StepRow {
        at: step.at,
        status: step.discrepancy.status.as_str().to_owned(),
        by: staff(site, &step.by),
        text: step.text.unwrap_or_default(),
    }
}

fn href(place: &Place, item: &str) -> String {
    format!("/registers/{}/{}", encoded(&place.to_string()), encoded(item))
}
