//! From the record to the values of the page: one set of queries for all who watch.

mod cases;
pub(crate) mod counts;
pub(crate) mod critical;
mod entries;
mod hands;
pub(crate) mod looks;
pub(crate) mod messages;
mod ordered;
mod people;
mod persons;
pub(crate) mod recalls;
pub(crate) mod registers;
pub(crate) mod requisitions;
mod site;
mod stock;
pub(crate) mod verification;
pub(crate) mod waste;

use std::sync::{Mutex, PoisonError};

use engine::Engine;
use fhir::ResourceType;
use fhir::resources::MedicationRequest;
use medicines::Site;
use record::Reader;

use crate::view::{LiveLoop, OrderCount, OrderRow, Totals, WardRow};
use crate::words::midnight;
use crate::{Alarms, Channels};
use entries::Entries;
use hands::Hands;
use people::People;
use site::SiteNames;

/// How many rows each table of recent things has.
const ROWS: usize = 10;

/// Why the page cannot be gathered. Nothing of it is patient data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] engine::Error),
    /// A row of the live state is not what this program writes.
    #[error("a {0} row of the record cannot be read; rebuild the record")]
    Row(&'static str),
    /// The thread that read has died.
    #[error("reading the record broke off")]
    Broken,
}

/// Gathers the page again and again, and remembers what does not change.
pub(crate) struct Gatherer {
    engine: Engine,
    channels: Channels,
    alarms: Alarms,
    kept: Mutex<Kept>,
}

/// What one gathering leaves for the next.
#[derive(Default)]
struct Kept {
    site: SiteNames,
    entries: Entries,
}

impl Gatherer {
    pub(crate) fn new(engine: Engine, channels: Channels, alarms: Alarms) -> Self {
        Gatherer { engine, channels, alarms, kept: Mutex::default() }
    }

    /// Everything on the page, as it is now.
    pub(crate) fn view(&self) -> Result<LiveLoop, Trouble> {
        // What is kept is right after each step, so a thread that panicked did no harm.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { site, entries } = &mut *kept;
        let readers = self.engine.readers();
        let reader = &*readers.get()?;
        let clock = self.engine.clock();
        let now = clock.now();
        site.refresh(reader)?;
        let hands = Hands::read(reader)?;
        let mut people = People::new(reader);
        let journal = entries.latest(reader, &self.engine)?;
        let cases = cases::open(reader, site, &mut people)?;
        let tally = reader.tally_since(midnight(now))?;
        let mut view = LiveLoop {
            now,
            speed: clock.speed(),
            seq: journal.first().map_or(0, |entry| entry.seq),
            removals: stock::removals(reader, site, &mut people, now)?,
            doses: stock::doses(reader, site, &mut people)?,
            orders: orders(reader, &mut people)?,
            case_counts: cases.counts,
            cases: cases.latest,
            channels: (self.channels)(),
            alarms: (self.alarms)(),
            critical: critical::running(reader)?,
            journal,
            ..LiveLoop::default()
        };
        for count in reader.live_orders()? {
            view.order_counts.push(OrderCount { status: count.status, orders: count.orders });
        }
        for ward in reader.wards()? {
            view.wards.push(WardRow {
                in_hands: hands.in_ward(&ward.ward, site, &mut people)?,
                open_cases: cases.by_ward.get(&ward.ward).copied().unwrap_or(0),
                ward: ward.ward,
                patients: ward.inpatients,
                orders: ward.orders,
            });
        }
        view.totals = Totals {
            patients: view.wards.iter().map(|ward| ward.patients).sum(),
            live_orders: view.order_counts.iter().map(|count| count.orders).sum(),
            removals: tally.removed,
            doses_given: tally.given,
            in_hands: hands.count(),
            open_cases: view.case_counts.iter().map(|count| count.open).sum(),
        };
        Ok(view)
    }
}

/// Somebody of the staff as people know them: `Test, Paula (P2001)`.
pub(crate) fn staff(site: &Site, id: &str) -> String {
    site.person(id).map_or_else(|| id.to_owned(), |person| format!("{} ({id})", person.name))
}

/// The orders that changed last.
fn orders(reader: &Reader, people: &mut People<'_>) -> Result<Vec<OrderRow>, Trouble> {
    let mut rows = Vec::with_capacity(ROWS);
    for stored in reader.latest(ResourceType::MedicationRequest, ROWS)? {
        // One that cannot be read as an order is another page's business.
        let Ok(order) = stored.read::<MedicationRequest>() else {
            continue;
        };
        let medicine = order.medication_concept();
        rows.push(OrderRow {
            key: format!("{}.{}", stored.id, stored.version),
            at: stored.last_updated,
            patient: people.subject(&order.subject)?,
            medicine: stock::words(medicine.as_ref()),
            status: order.status.as_str().to_owned(),
        });
    }
    Ok(rows)
}
