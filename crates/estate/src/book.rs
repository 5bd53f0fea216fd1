//! The estate's own truth: what was ordered, taken, given, wasted, put back and forgotten, and
//! what it heard back. It is written where things happen and owes nothing to the node.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::actors::profile::Profile;
use crate::formulary;
use crate::plan::Attempt;
use crate::world::{Order, Patient};

/// Everything that is true at one moment.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The patients, by their index.
    pub patients: BTreeMap<usize, Patient>,
    /// The orders, by the placer's number.
    pub orders: BTreeMap<u32, Order>,
    /// Everything that was taken out of cabinets.
    pub removals: Vec<Removal>,
    /// Everything that was given, or told as not given.
    pub administrations: Vec<Administration>,
    /// What was tried and must have been refused.
    pub attempts: Vec<Tried>,
    /// What each HL7 cabinet shows, by `system/station`.
    pub profiles: BTreeMap<String, Profile>,
    /// What is in the pockets, by cabinet and item code, in units.
    pub pockets: BTreeMap<String, BTreeMap<String, Decimal>>,
    /// What the ePMA was told.
    pub heard: Heard,
    /// The traffic of the links.
    pub links: BTreeMap<String, LinkCounts>,
    /// What ought not to have happened.
    pub findings: Vec<Finding>,
    /// Visits that came to nothing for a reason of the hospital's own, by reason.
    pub passed_over: BTreeMap<&'static str, u64>,
    /// The places of an order's removals among all.
    removals_of: BTreeMap<u32, Vec<usize>>,
    /// The places of a patient's removals among all, on whatever order.
    removals_for: BTreeMap<usize, Vec<usize>>,
}

/// How far a removal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalState {
    /// Somebody still has it in hand.
    Open,
    /// Every unit is accounted for.
    Ended,
    /// Nobody will ever tell: a case has to open.
    Forgotten,
}

/// Something that was taken out of a cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The cabinet, `system/station`.
    pub cabinet: String,
    /// The index of the patient.
    pub patient: usize,
    /// The placer's number of the order; none for an override.
    pub order: Option<u32>,
    /// The local code of the item.
    pub item: &'static str,
    /// How much was taken, in units.
    pub taken: Decimal,
    /// The staff number of the one who took it.
    pub user: String,
    /// When.
    pub at: Timestamp,
    /// The node's permit, where the cabinet asked.
    pub permit: Option<String>,
    /// The reason of an override.
    pub override_reason: Option<&'static str>,
    /// How much was given, in units.
    pub given: Decimal,
    /// How much was wasted, in units.
    pub wasted: Decimal,
    /// How much was put back, in units.
    pub returned: Decimal,
    /// How far it has come.
    pub state: RemovalState,
}

impl Removal {
    /// What is still in somebody's hands.
    pub fn in_hand(&self) -> Decimal {
        self.taken - self.given - self.wasted - self.returned
    }
}

/// What was told of a dose at the bedside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Given {
    /// Given whole.
    Whole,
    /// Given in part.
    Part,
    /// The patient did not want it.
    Refused,
    /// Not given for another reason.
    Not,
}

/// An administration, or the word that there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    /// The index of the patient.
    pub patient: usize,
    /// The placer's number of the order.
    pub order: Option<u32>,
    /// The local code of the item.
    pub item: &'static str,
    /// How much was given, in units.
    pub quantity: Decimal,
    /// What was told.
    pub given: Given,
    /// Whether it was told through the ePMA; the ePMA is not told of these again.
    pub by_epma: bool,
    /// When.
    pub at: Timestamp,
    /// The staff number of the one who gave it.
    pub performer: String,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Refused with a code that fits.
    Refused(String),
    /// Refused, with a code that does not fit.
    OtherCode(String),
    /// Permitted, which must not be.
    Permitted,
    /// The circumstances changed meanwhile, so that it says nothing.
    Moot,
}

/// Something that was tried and must be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The cabinet, `system/station`.
    pub cabinet: String,
    /// What was tried.
    pub attempt: Attempt,
    /// The order with which.
    pub order: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// How it went.
    pub verdict: Verdict,
}

/// What the ePMA was told.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// RDS^O13, each RXD once.
    pub dispenses: Vec<HeardDispense>,
    /// RAS^O17, each RXA once.
    pub administrations: Vec<HeardAdministration>,
}

/// A dispense that the ePMA was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardDispense {
    /// MSH-10 of the message.
    pub control_id: String,
    /// ORC-2, where it is a number of the ePMA.
    pub order: Option<u32>,
    /// RXD-2.1.
    pub item: String,
    /// RXD-4.
    pub quantity: Option<Decimal>,
    /// RXD-10.1.
    pub by: String,
}

/// An administration that the ePMA was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardAdministration {
    /// MSH-10 of the message.
    pub control_id: String,
    /// ORC-2, where it is a number of the ePMA.
    pub order: Option<u32>,
    /// RXA-5.1.
    pub item: String,
    /// RXA-6.
    pub quantity: Option<Decimal>,
    /// RXA-20.
    pub completion: String,
    /// RXA-21.
    pub action: String,
}

/// The traffic of one link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Messages or requests that were put on it, each once.
    pub sent: u64,
    /// Those that were acknowledged or answered.
    pub acked: u64,
    /// Those that were acknowledged with an error.
    pub rejected: u64,
    /// Sendings of a message that had been sent before without an answer.
    pub resent: u64,
    /// Sendings of a message that had been answered already.
    pub repeated: u64,
    /// Bytes that were no proper message.
    pub malformed: u64,
    /// Lines that a fault cut.
    pub dropped: u64,
    /// Messages that were heard on it, each once.
    pub heard: u64,
    /// Messages that were heard again.
    pub heard_again: u64,
}

/// Something that ought not to have happened. It names orders and cabinets, never patients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A removal was permitted that had to be refused.
    WronglyPermitted {
        /// The cabinet.
        cabinet: String,
        /// What was tried.
        attempt: Attempt,
        /// The order.
        order: Option<u32>,
    },
    /// A removal was refused that had to be permitted.
    WronglyRefused {
        /// The cabinet.
        cabinet: String,
        /// The order.
        order: Option<u32>,
        /// The HTTP status and the code.
        code: String,
    },
    /// A proper message was acknowledged with an error.
    Rejected {
        /// The link.
        link: String,
        /// MSH-10, or the path of the request.
        message: String,
        /// The code and the text.
        code: String,
    },
    /// A cabinet or the ePMA could not act on what it was told.
    NotUnderstood {
        /// The link.
        link: String,
        /// What was the matter.
        what: String,
    },
    /// The cabinet did not show an order whose time had come, or a patient who is there.
    NotShown {
        /// The cabinet.
        cabinet: String,
        /// The order; none for an override.
        order: Option<u32>,
        /// Why the cabinet would not give it.
        why: &'static str,
    },
    /// The permit had lapsed before the cabinet could tell what was taken.
    PermitLapsed {
        /// The cabinet.
        cabinet: String,
    },
    /// A repeated request was answered otherwise than the first time.
    AnsweredOtherwise {
        /// The link.
        link: String,
        /// The path of the request.
        path: String,
    },
}

impl Book {
    /// How many doses were given, whole or in part.
    pub fn doses_given(&self) -> usize {
        self.administrations.iter().filter(|told| told.quantity > Decimal::ZERO).count()
    }

    /// The removals that have to open a case, because nobody tells what became of them.
    pub fn forgotten(&self) -> impl Iterator<Item = &Removal> {
        self.removals.iter().filter(|removal| removal.state == RemovalState::Forgotten)
    }

    /// All links together.
    pub fn traffic(&self) -> LinkCounts {
        let mut sum = LinkCounts::default();
        for link in self.links.values() {
            sum.sent += link.sent;
            sum.acked += link.acked;
            sum.rejected += link.rejected;
            sum.resent += link.resent;
            sum.repeated += link.repeated;
            sum.malformed += link.malformed;
            sum.dropped += link.dropped;
            sum.heard += link.heard;
            sum.heard_again += link.heard_again;
        }
        sum
    }

    /// Writes a removal down and gives its place among all.
    pub(crate) fn note(&mut self, removal: Removal) -> usize {
        let place = self.removals.len();
        if let Some(order) = removal.order {
            self.removals_of.entry(order).or_default().push(place);
        }
        self.removals_for.entry(removal.patient).or_default().push(place);
        self.removals.push(removal);
        place
    }

    /// The removals of an order, the oldest first.
    pub fn removals_of(&self, order: u32) -> impl Iterator<Item = &Removal> {
        let places = self.removals_of.get(&order).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.removals.get(*place))
    }

    /// When something of this order was last taken.
    pub fn last_taken(&self, order: u32) -> Option<Timestamp> {
        self.removals_of(order).map(|removal| removal.at).max()
    }

    /// Whether as many doses of an order as one day has were taken in the last 22 hours: a round
    /// may be an hour late and the next an hour early, and no more than that.
    pub fn has_days_doses(&self, order: &Order, now: Timestamp) -> bool {
        let (doses, since) = (order.timing.hours().len(), now - SignedDuration::from_hours(22));
        let taken = self.removals_of(order.number);
        let lately = taken.filter(|removal| removal.at > since && removal.taken > removal.returned);
        doses > 0 && lately.count() >= doses
    }

    /// Whether another dose of an order would be more than its prescriber allows in the 24 hours
    /// before `now`. The most is one of the patient and the substance: what was taken counts on
    /// whatever order (the one that this one took the place of, an override) and in whatever
    /// product of the substance. What was wasted counts too: the staff here would rather ask.
    pub fn is_full(&self, order: &Order, now: Timestamp) -> bool {
        let Some(most) = order.daily_most() else { return false };
        let item = order.item();
        let since = now - SignedDuration::from_hours(24);
        let places = self.removals_for.get(&order.patient).map(Vec::as_slice).unwrap_or_default();
        let lately = places.iter().filter_map(|place| self.removals.get(*place));
        let taken: Decimal = lately
            .filter(|removal| removal.at >= since)
            .filter_map(|removal| {
                let of = formulary::find(removal.item).filter(|of| of.vtm() == item.vtm())?;
                Some(of.amount(removal.taken - removal.returned))
            })
            .sum();
        taken + item.amount(order.units) > item.amount(most)
    }

    /// What is still in somebody's hands, by patient and item, in units. However a node matches
    /// what was given to what was taken, these sums must come out.
    pub fn in_hands(&self) -> BTreeMap<(usize, &'static str), Decimal> {
        let mut sums = BTreeMap::new();
        for removal in self.removals.iter().filter(|removal| !removal.in_hand().is_zero()) {
            let sum = sums.entry((removal.patient, removal.item)).or_insert(Decimal::ZERO);
            *sum += removal.in_hand();
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formulary::Timing;

    fn at(hour: i64) -> Timestamp {
        let start: Timestamp = "2026-11-20T06:00:00Z".parse().unwrap();
        start + SignedDuration::from_hours(hour)
    }

    fn order(number: u32, code: &str, units: &str) -> Order {
        Order { patient: 1, begins: at(0), ..crate::world::sample(number, code, units) }
    }

    /// What was taken: patient, order, item, units, the hour.
    type Taken = (usize, Option<u32>, &'static str, &'static str, i64);

    fn removal((patient, order, item, units, hour): Taken) -> Removal {
        Removal {
            cabinet: "ASK/WARDC1".to_owned(),
            patient,
            order,
            item,
            taken: units.parse().unwrap(),
            user: "N1001".to_owned(),
            at: at(hour),
            permit: None,
            override_reason: None,
            given: Decimal::ZERO,
            wasted: Decimal::ZERO,
            returned: Decimal::ZERO,
            state: RemovalState::Ended,
        }
    }

    fn check(order: &Order, taken: &[Taken], now: i64, expected: bool) {
        let mut book = Book::default();
        for one in taken {
            book.note(removal(*one));
        }
        assert_eq!(book.is_full(order, at(now)), expected, "{} at {now}: {taken:?}", order.number);
    }

    #[test]
    fn the_most_for_a_day_is_the_patients_and_not_the_orders() {
        let two = order(7002, "PARA500", "2");
        let own = |hour| (1, Some(7002), "PARA500", "2", hour);
        check(&two, &[own(0), own(4), own(8)], 12, false);
        check(&two, &[own(0), own(4), own(8), own(12)], 16, true);
        check(&two, &[own(0), own(4), own(8), own(12)], 25, false);
        // The order that this one took the place of, and an override, count.
        let before = |hour| (1, Some(7001), "PARA500", "2", hour);
        check(&two, &[before(0), before(4), own(8), own(12)], 16, true);
        check(&two, &[(1, None, "PARA500", "2", 0), before(4), own(8), own(12)], 16, true);
        check(&two, &[before(0), before(4), own(8), own(12)], 25, false);
        // Another patient and another medicine do not.
        let other = [(2, Some(7003), "PARA500", "2", 1), (1, Some(7004), "IBUP400", "2", 1)];
        check(&two, &[&other[..], &[own(0), own(4), own(8)]].concat(), 12, false);
        // An order by the clock has no most of its own.
        let regular = Order { timing: Timing::Qds, ..two.clone() };
        check(&regular, &[own(0), own(4), own(8), own(12)], 16, false);
    }

    #[test]
    fn no_more_doses_are_taken_than_a_day_has() {
        let daily = Order { timing: Timing::Tds, ..order(7002, "PARA500", "2") };
        let mut book = Book::default();
        for hour in [11, 16, 20] {
            book.note(removal((1, Some(7002), "PARA500", "2", hour)));
        }
        assert!(book.has_days_doses(&daily, at(32)), "the fourth within 21 hours");
        assert!(!book.has_days_doses(&daily, at(33)));
        book.removals[1].returned = Decimal::TWO;
        assert!(!book.has_days_doses(&daily, at(32)), "what was put back was not got");
        let needed = Order { timing: Timing::Prn(4), ..daily };
        assert!(!book.has_days_doses(&needed, at(21)));
    }

    #[test]
    fn a_substance_counts_in_every_product() {
        // 4 ampoules are 40 mg; 5 ml of the solution are 10 mg.
        let ampoule = order(7002, "MORPH10", "1");
        let own = |hour| (1, Some(7002), "MORPH10", "1", hour);
        let drunk = |hour| (1, Some(7003), "MORSOL", "5", hour);
        check(&ampoule, &[own(0), own(4), drunk(6)], 8, false);
        check(&ampoule, &[own(0), own(4), drunk(6), drunk(10)], 12, true);
        let mut book = Book::default();
        for one in [own(0), own(4), drunk(6), drunk(10)] {
            book.note(removal(one));
        }
        book.removals[3].returned = Decimal::from(5);
        assert!(!book.is_full(&ampoule, at(12)), "what was put back was not got");
    }
}
