//! The ordinary day, as a pure function of the seed.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use super::drugs::{self, half, index, taken};
use super::{Deed, Give, Manner, Planted, PocketDeed, Sent, Take, Teller, What};
use crate::book::Given;
use crate::chance::{Chance, generator};
use crate::formulary::{FORMULARY, Timing};
use crate::identity::{NhsNumbers, invent};
use crate::plan::Ask;
use crate::site::{cabinet, doctor_id, nurse_id, pharmacist_id};
use crate::world::{Order, OrderState, Patient, Place, Presence};

/// The wards that the day is written for: one of each kind of cabinet.
pub(crate) const WARDS: usize = 3;
/// The patients of each ward.
pub(crate) const PATIENTS: usize = 8;
/// The length of the day, in hours.
pub(crate) const HOURS: i64 = 24;
/// The lengths of the early and the late shift; the night has the rest.
const SHIFT_MIN: i64 = 7 * 60;

/// Everything that is done, in the order in which it is done.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) patients: Vec<Patient>,
    pub(crate) orders: Vec<Order>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) planted: Vec<Planted>,
}

/// What a dose is planned from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dose {
    pub(super) order: usize,
    pub(super) at: Timestamp,
}

pub(super) struct Writer {
    pub(super) plan: Plan,
    pub(super) rng: StdRng,
    pub(super) start: Timestamp,
}

impl Plan {
    /// The day that a seed makes.
    pub(crate) fn new(seed: u64, start: Timestamp) -> Plan {
        let plan = Plan {
            patients: Vec::new(),
            orders: Vec::new(),
            deeds: Vec::new(),
            planted: Vec::new(),
        };
        let mut writer = Writer { plan, rng: generator(seed, "ward day"), start };
        writer.people();
        writer.stock();
        writer.counts();
        writer.ordinary_doses();
        writer.plant();
        let mut plan = writer.plan;
        plan.deeds.sort_by_key(|deed| deed.at);
        plan
    }
}

impl Writer {
    /// So many minutes after the start of the day, and some seconds.
    pub(super) fn at(&mut self, minutes: i64) -> Timestamp {
        let seconds = self.rng.random_range(0..50);
        self.start + SignedDuration::from_secs(minutes * 60 + seconds)
    }

    pub(super) fn deed(&mut self, at: Timestamp, ward: usize, what: What) {
        self.plan.deeds.push(Deed { at, ward, what });
    }

    /// The two nurses who are on shift: everybody has at least one shift, the first two have two.
    pub(super) fn on_shift(&self, ward: usize, at: Timestamp) -> [String; 2] {
        let minutes = at.duration_since(self.start).as_mins();
        let pair = match minutes / SHIFT_MIN {
            0 => [0, 1],
            1 => [1, 2],
            _ => [3, 0],
        };
        pair.map(|nurse| nurse_id(ward, nurse))
    }

    /// One of those who are on shift, with the other one.
    pub(super) fn pair(&mut self, ward: usize, at: Timestamp) -> (String, String) {
        let [one, other] = self.on_shift(ward, at);
        if self.rng.per_mille(500) { (one, other) } else { (other, one) }
    }

    fn people(&mut self) {
        let mut numbers = NhsNumbers::default();
        for ward in 0..WARDS {
            for bed in 1..=PATIENTS {
                let Some(nhs) = numbers.next() else { return };
                let index = self.plan.patients.len();
                let person = invent(&mut self.rng);
                let place = Place { ward, bed: u16::try_from(bed).unwrap_or(1) };
                let at = self.at(2);
                self.plan.patients.push(Patient {
                    index,
                    nhs: Some(nhs),
                    mrn: format!("H{:06}", 100_001 + index),
                    family: person.family,
                    given: person.given,
                    born: person.born,
                    sex: person.sex,
                    house: 7,
                    penicillin_allergy: false,
                    visit: 1,
                    presence: Presence::InBed(place),
                    previous: None,
                    admitted: Some(at),
                });
                self.deed(at, ward, What::Admit(index));
                self.prescribe(ward, bed, index);
            }
        }
    }

    /// What each patient is ordered: two ordinary medicines, and controlled drugs for pain.
    fn prescribe(&mut self, ward: usize, bed: usize, patient: usize) {
        let at = self.at(5);
        let first = self.rng.random_range(0..drugs::ORDINARY.len());
        for n in [first, first + 3] {
            let (code, units, timing) = drugs::ORDINARY[n % drugs::ORDINARY.len()];
            self.order(at, patient, index(code), units.into(), timing);
        }
        let one = Decimal::ONE;
        match (ward, bed % 4) {
            (1.., 0) => self.order(at, patient, index("MORPH10"), half(), Timing::Prn(4)),
            (1.., 1) => self.order(at, patient, index("MIDA10"), half(), Timing::Prn(4)),
            (0, _) | (_, 2) => self.order(at, patient, index("MORPH10"), one, Timing::Prn(4)),
            _ => self.order(at, patient, index("OXYC5"), one, Timing::Prn(4)),
        };
        if ward == 0 && bed.is_multiple_of(2) {
            self.order(at, patient, index("OXYC5"), Decimal::TWO, Timing::Prn(4));
        }
    }

    /// A new verified order; its place among all.
    pub(super) fn order(
        &mut self,
        at: Timestamp,
        patient: usize,
        item: usize,
        units: Decimal,
        timing: Timing,
    ) -> usize {
        let place = self.plan.orders.len();
        let number = 7_001 + u32::try_from(place).unwrap_or(0);
        let (doctor, pharmacist) = (self.rng.random_range(0..6), self.rng.random_range(0..6));
        self.plan.orders.push(Order {
            number,
            patient,
            item,
            units,
            timing,
            begins: at,
            state: OrderState::Live,
            verified_by: Some(pharmacist_id(pharmacist)),
            prescriber: doctor_id(doctor),
            by_moiety: false,
            with_local: true,
            version: 1,
        });
        let ward = self.ward_of(patient);
        self.deed(at, ward, What::Order(Ask::New, number));
        place
    }

    pub(super) fn ward_of(&self, patient: usize) -> usize {
        self.plan.patients[patient].place().map_or(0, |place| place.ward)
    }

    pub(super) fn cabinet_of(ward: usize) -> String {
        cabinet(ward).id()
    }

    /// The pockets are filled, and more arrives in the morning.
    fn stock(&mut self) {
        let (user, witness) = (pharmacist_id(0), Some(pharmacist_id(1)));
        for ward in 0..WARDS {
            let at = self.at(4);
            self.deed(at, ward, What::LoadAll);
            let item = index("PARA500");
            let (sent, filled) = (self.at(150), self.at(190));
            let units = Decimal::from(20);
            let consignment = Sent {
                item,
                units,
                batch: None,
                expiry: None,
                user: user.clone(),
                witness: witness.clone(),
            };
            self.deed(sent, ward, What::Send(consignment));
            let fill = PocketDeed {
                amount: Some(units),
                ..PocketDeed::new('F', item, &user, witness.as_deref())
            };
            self.deed(filled, ward, What::Pocket(fill));
        }
    }

    /// Two people count the controlled drugs at each change of shifts.
    fn counts(&mut self) {
        for ward in 0..WARDS {
            for (n, code) in ["MORPH10", "OXYC5", "MIDA10"].iter().enumerate() {
                for shift in [SHIFT_MIN - 6, 2 * SHIFT_MIN - 6] {
                    let at = self.at(shift + i64::try_from(n).unwrap_or(0));
                    let (user, witness) = self.pair(ward, at);
                    let count = PocketDeed::new('C', index(code), &user, Some(&witness));
                    self.deed(at, ward, What::Pocket(count));
                }
            }
        }
    }

    /// When the doses of an order are given.
    pub(super) fn times(&mut self, timing: Timing) -> Vec<Timestamp> {
        let minutes: &[i64] = match timing {
            Timing::Od => &[35],
            Timing::Bd => &[35, 12 * 60 + 35],
            Timing::Tds => &[35, 6 * 60 + 40, 12 * 60 + 35],
            Timing::Qds => &[35, 4 * 60 + 35, 9 * 60 + 35, 14 * 60 + 35],
            Timing::Q6h | Timing::Prn(_) => &[65, 335, 605, 875],
        };
        minutes
            .iter()
            .map(|minutes| {
                let later = self.rng.random_range(0..18);
                self.at(minutes + later)
            })
            .collect()
    }

    fn ordinary_doses(&mut self) {
        for order in 0..self.plan.orders.len() {
            let timing = self.plan.orders[order].timing;
            for at in self.times(timing) {
                self.dose(Dose { order, at });
            }
        }
    }

    /// What stays the same of taking and giving a dose.
    pub(super) fn parts(&mut self, dose: Dose, user: &str, witness: &str) -> (Take, Give) {
        let order = self.plan.orders[dose.order].clone();
        let item = order.item;
        let witness = FORMULARY[item].witness.then(|| witness.to_owned());
        let units = taken(item, order.units);
        let take = Take {
            patient: order.patient,
            order: Some(order.number),
            item,
            units,
            user: user.to_owned(),
            witness: witness.clone(),
            reason: None,
            manner: Manner::Regular,
        };
        let by = if self.rng.per_mille(500) { Teller::Scans } else { Teller::Epma };
        let give = Give {
            patient: order.patient,
            order: Some(order.number),
            item,
            given: order.units,
            wasted: Decimal::ZERO,
            how: Given::Whole,
            by,
            user: user.to_owned(),
            witness,
        };
        (take, give)
    }

    fn dose(&mut self, dose: Dose) {
        let ward = self.ward_of(self.plan.orders[dose.order].patient);
        let (user, witness) = self.pair(ward, dose.at);
        if !self.diverts(ward, dose) {
            self.dose_by(dose, &user, &witness);
        }
    }

    /// A dose as it ought to be.
    pub(super) fn dose_by(&mut self, dose: Dose, user: &str, witness: &str) {
        let ward = self.ward_of(self.plan.orders[dose.order].patient);
        let (take, mut give) = self.parts(dose, user, witness);
        let over = take.units - give.given;
        let later = SignedDuration::from_secs(self.rng.random_range(120..400));
        let refused = take.witness.is_none() && self.rng.per_mille(60);
        self.deed(dose.at, ward, What::Take(take.clone()));
        if refused {
            (give.how, give.given, give.by) = (Given::Refused, Decimal::ZERO, Teller::Epma);
            self.deed(dose.at + later, ward, What::Pocket(PocketDeed::of('R', &take, take.units)));
        } else if over > Decimal::ZERO && give.by == Teller::Scans {
            give.wasted = over;
        } else if over > Decimal::ZERO {
            let at = dose.at + SignedDuration::from_secs(60);
            self.deed(at, ward, What::Pocket(PocketDeed::of('W', &take, over)));
        }
        self.deed(dose.at + later, ward, What::Give(give));
    }
}

impl PocketDeed {
    pub(super) fn new(code: char, item: usize, user: &str, witness: Option<&str>) -> Self {
        PocketDeed {
            code,
            item,
            amount: None,
            missing: Decimal::ZERO,
            user: user.to_owned(),
            witness: witness.map(str::to_owned),
            patient: None,
            order: None,
        }
    }

    /// What becomes at the cabinet of something that was taken.
    pub(super) fn of(code: char, take: &Take, amount: Decimal) -> Self {
        PocketDeed {
            amount: Some(amount),
            patient: Some(take.patient),
            order: take.order,
            ..PocketDeed::new(code, take.item, &take.user, take.witness.as_deref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_function_of_its_seed() {
        let start: Timestamp = "2026-11-20T07:30:00Z".parse().unwrap();
        let plan = Plan::new(3, start);
        assert_eq!(plan.deeds, Plan::new(3, start).deeds);
        assert_ne!(plan.deeds, Plan::new(4, start).deeds);
        assert!(plan.deeds.is_sorted_by_key(|deed| deed.at));
        assert!(plan.planted.len() > 10);
        let end = start + SignedDuration::from_hours(HOURS);
        assert!(plan.deeds.iter().all(|deed| deed.at < end));
    }
}
