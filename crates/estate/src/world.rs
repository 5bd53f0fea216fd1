//! Patients, places and orders as the estate itself knows them.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::formulary::{FORMULARY, Item, Timing};

/// A bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The index of the ward.
    pub ward: usize,
    /// The bed, from 1.
    pub bed: u16,
}

/// Where a patient is in the hospital's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Known as a person, not here.
    Away,
    /// In the emergency department, on no ward.
    Outpatient,
    /// In a bed.
    InBed(Place),
    /// Gone home.
    Discharged {
        /// When.
        at: Timestamp,
        /// From which bed.
        from: Place,
    },
    /// The admission turned out to be none.
    Cancelled,
    /// Found to be the same person as another record.
    Merged {
        /// The index of the record that stays.
        into: usize,
    },
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// The index in the estate's book.
    pub index: usize,
    /// The NHS number; a duplicate record has none.
    pub nhs: Option<String>,
    /// The hospital number.
    pub mrn: String,
    /// The family name.
    pub family: String,
    /// The given name.
    pub given: String,
    /// The date of birth.
    pub born: Date,
    /// `F` or `M`.
    pub sex: char,
    /// The number of the house, which updates change.
    pub house: u16,
    /// Whether a penicillin allergy is on record.
    pub penicillin_allergy: bool,
    /// The number of the visit, counted for this patient from 1; zero before the first.
    pub visit: u32,
    /// Where the patient is.
    pub presence: Presence,
    /// The bed before the present one.
    pub previous: Option<Place>,
    /// When the present visit began.
    pub admitted: Option<Timestamp>,
}

impl Patient {
    /// The bed, where the patient is in one.
    pub fn place(&self) -> Option<Place> {
        match self.presence {
            Presence::InBed(place) => Some(place),
            _ => None,
        }
    }

    /// The visit number (PV1-19).
    pub fn visit_number(&self) -> String {
        format!("V{}{:03}", 9000 + self.index, self.visit)
    }
}

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Doses may be taken once it is verified.
    Live,
    /// On hold.
    Held,
    /// Stopped.
    Stopped,
    /// Withdrawn before any dose.
    Cancelled,
    /// Another order took its place.
    Replaced,
}

impl OrderState {
    /// Whether it is over for good.
    pub fn is_over(self) -> bool {
        !matches!(self, OrderState::Live | OrderState::Held)
    }
}

/// An order of the ePMA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The placer's number.
    pub number: u32,
    /// The index of the patient.
    pub patient: usize,
    /// The index of the item in the formulary.
    pub item: usize,
    /// One dose, in units of the item.
    pub units: Decimal,
    /// How often.
    pub timing: Timing,
    /// When its time begins.
    pub begins: Timestamp,
    /// Its state.
    pub state: OrderState,
    /// The pharmacist who verified it.
    pub verified_by: Option<String>,
    /// The prescriber.
    pub prescriber: String,
    /// Whether it names the moiety rather than the product.
    pub by_moiety: bool,
    /// Whether the message adds the local code.
    pub with_local: bool,
    /// Counts the changes of dose or timing.
    pub version: u32,
}

impl Order {
    /// The formulary item.
    pub fn item(&self) -> &'static Item {
        &FORMULARY[self.item]
    }

    /// Whether doses may be taken.
    pub fn is_open(&self) -> bool {
        self.state == OrderState::Live && self.verified_by.is_some()
    }

    /// The dose as it is written: amount and unit. From a gram on, whole half grams are in grams.
    pub fn dose(&self) -> (Decimal, &'static str) {
        let item = self.item();
        let Some((strength, unit)) = item.strength() else {
            return (self.units.normalize(), item.unit);
        };
        let amount = (strength * self.units).normalize();
        let gram = Decimal::ONE_THOUSAND;
        if unit == "mg" && amount >= gram && self.number.is_multiple_of(2) {
            return ((amount / gram).normalize(), "g");
        }
        (amount, unit)
    }

    /// The most that may be given in 24 hours, in units, for an order that is given when needed.
    pub fn daily_most(&self) -> Option<Decimal> {
        let hours = self.timing.is_prn().then(|| self.timing.least_hours()).flatten()?;
        let times = (24 / hours).min(4);
        Some(self.units * Decimal::from(times))
    }
}

/// A live order that is given when needed, every four hours at the most.
#[cfg(test)]
pub(crate) fn sample(number: u32, code: &str, units: &str) -> Order {
    Order {
        number,
        patient: 0,
        item: FORMULARY.iter().position(|item| item.code == code).unwrap(),
        units: units.parse().unwrap(),
        timing: Timing::Prn(4),
        begins: Timestamp::UNIX_EPOCH,
        state: OrderState::Live,
        verified_by: None,
        prescriber: "D4001".to_owned(),
        by_moiety: false,
        with_local: false,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, units: &str, number: u32, expected: (&str, &str)) {
        let order = sample(number, code, units);
        assert_eq!(order.dose(), (expected.0.parse().unwrap(), expected.1), "{code} {units}");
        assert_eq!(order.daily_most(), Some(order.units * Decimal::from(4)));
    }

    #[test]
    fn a_dose_is_a_number_of_units() {
        check("PARA500", "2", 7001, ("1000", "mg"));
        check("PARA500", "2", 7002, ("1", "g"));
        check("PARA500", "1", 7002, ("500", "mg"));
        check("BISO25", "2", 7001, ("5", "mg"));
        check("MORSOL", "2.5", 7001, ("5", "mg"));
        check("LACT", "15", 7001, ("15", "ml"));
        check("LEVO100", "1", 7001, ("100", "microgram"));
    }
}
