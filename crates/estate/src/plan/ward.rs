//! The wards: when somebody goes to the cabinet, for what, and what becomes of it.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use super::epma::{due_after, due_at, whole_second};
use super::{Due, Event, Planner};
use crate::chance::{Chance, generator};
use crate::formulary::FORMULARY;
use crate::site::{CabinetKind, NURSES_PER_WARD, assistant_id, cabinet, nurse_id};
use crate::world::{Order, OrderState};

/// What becomes of the units that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Given whole.
    Give,
    /// The patient does not want it: put back, and told as not given.
    Refused,
    /// Put back without a word.
    Return,
    /// Half of it is given, the rest wasted.
    Part,
    /// All of it is wasted.
    Waste,
    /// Nobody ever tells what became of it.
    Forget,
    /// Nothing is taken; told as not given.
    Omit,
    /// The pocket is opened and closed again, nothing is taken.
    Null,
}

/// How a dose goes on after the cabinet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What becomes of it.
    pub ending: Ending,
    /// How long that takes.
    pub wait: SignedDuration,
    /// Whether the bedside tells it through the ePMA (RAS^O17); else over HTTP.
    pub by_epma: bool,
}

/// What must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attempt {
    /// The order is on hold.
    Held,
    /// The order is stopped.
    Stopped,
    /// The last dose was too short a time ago.
    TooEarly,
    /// The cabinet does not serve the patient's ward.
    WrongWard,
    /// No such item.
    UnknownItem,
    /// Another item than the order's.
    NotOfOrder,
    /// A controlled drug without a second person.
    NoWitness,
    /// By somebody who may not take anything.
    NotAllowed,
    /// Twice the dose.
    TooMuch,
    /// Without an order and without a reason.
    NoOrder,
    /// Without an order, with a reason, of an item that needs an order.
    OverrideForbidden,
}

/// The attempts of a cabinet that asks.
const ASKING: [Attempt; 11] = [
    Attempt::Held,
    Attempt::Stopped,
    Attempt::TooEarly,
    Attempt::WrongWard,
    Attempt::UnknownItem,
    Attempt::NotOfOrder,
    Attempt::NoWitness,
    Attempt::NotAllowed,
    Attempt::TooMuch,
    Attempt::NoOrder,
    Attempt::OverrideForbidden,
];
/// The attempts that a profile alone must prevent.
const PROFILED: [Attempt; 4] =
    [Attempt::Held, Attempt::Stopped, Attempt::WrongWard, Attempt::NoOrder];

/// Why somebody goes to the cabinet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitKind {
    /// For a dose.
    Dose(Plan),
    /// For something that is not ordered, with a reason.
    Override {
        /// The reason.
        reason: &'static str,
        /// How it goes on.
        plan: Plan,
    },
    /// For something that must be refused.
    Attempt(Attempt),
    /// To count a pocket.
    Count,
}

/// Somebody goes to the cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The ward whose cabinet it is.
    pub ward: usize,
    /// The patient; none for a count.
    pub patient: Option<usize>,
    /// The order; none for an override and a count.
    pub order: Option<u32>,
    /// The item, by its index in the formulary.
    pub item: usize,
    /// How much, in units.
    pub units: Decimal,
    /// The staff number of the one who goes.
    pub user: String,
    /// The staff number of the second person.
    pub witness: String,
    /// Why.
    pub kind: VisitKind,
}

/// The hours of the day at which the shifts change.
const HANDOVERS: [i8; 3] = [7, 14, 21];

/// Reasons for taking something without an order.
const REASONS: [&str; 3] =
    ["Verbal order in an emergency", "Order not yet on the system", "Pain, doctor informed"];

fn plan(rng: &mut StdRng) -> Plan {
    let roll = rng.random_range(0..1000_u16);
    let ending = match roll {
        0..30 => Ending::Refused,
        30..45 => Ending::Return,
        45..75 => Ending::Part,
        75..90 => Ending::Waste,
        90..105 => Ending::Forget,
        105..120 => Ending::Omit,
        120..130 => Ending::Null,
        _ => Ending::Give,
    };
    let late = ending == Ending::Give && roll < 160;
    let wait = rng.minutes(if late { 20..35 } else { 2..9 });
    Plan { ending, wait, by_epma: rng.per_mille(500) }
}

impl Planner {
    pub(super) fn open_wards(&mut self) {
        let begin = i64::from(self.config.fill_min) + 40;
        for ward in 0..self.wards.len() {
            self.next_override(ward, begin);
            self.next_attempt(ward, begin);
            let wait = self.wards[ward].minutes(begin..begin + 60);
            self.after(wait, Due::Count { ward });
            self.next_handover(ward);
        }
    }

    /// The shifts change: their controlled drugs are counted.
    fn next_handover(&mut self, ward: usize) {
        let at = due_at(&HANDOVERS, self.now);
        // One ward after the other, so that not every cabinet is opened in the same second.
        let turn = i64::try_from(ward % 10).unwrap_or_default();
        self.at(at + SignedDuration::from_mins(turn), Due::Handover { ward });
    }

    /// Two nurses count every controlled drug of which a register is kept, as wards do at each
    /// change of shifts: whoever leaves hands over what is there.
    pub(super) fn handover(&mut self, ward: usize) {
        self.next_handover(ward);
        for item in (0..FORMULARY.len()).filter(|item| FORMULARY[*item].schedule.is_some()) {
            self.count_visit(ward, item, (nurse_id(ward, 0), nurse_id(ward, 1)));
        }
    }

    fn next_override(&mut self, ward: usize, from: i64) {
        let mean = i64::from(self.config.override_every_min);
        let wait = self.wards[ward].minutes(from + mean / 2..from + mean * 3 / 2 + 1);
        self.after(wait, Due::Override { ward });
    }

    fn next_attempt(&mut self, ward: usize, from: i64) {
        let mean = i64::from(self.config.attempt_every_min);
        let wait = self.wards[ward].minutes(from + mean / 2..from + mean * 3 / 2 + 1);
        self.after(wait, Due::Attempt { ward });
    }

    /// The first dose of an order, or of its new version.
    pub(super) fn foresee_doses(&mut self, number: u32) {
        let order = self.orders[&number].clone();
        let due = if order.timing.is_prn() {
            let mut rng = self.of_dose(&order, u32::MAX);
            whole_second(self.now) + rng.minutes(12..120)
        } else {
            due_after(order.timing, order.begins, self.now)
        };
        self.plan_dose(&order, 0, due);
    }

    /// The generator of one dose: what is drawn for it depends on nothing else.
    fn of_dose(&self, order: &Order, n: u32) -> StdRng {
        let name = format!("dose {} {} {n}", order.number, order.version);
        generator(self.config.seed, &name)
    }

    /// Nurses are early or late: regular doses from 10 minutes before to 30 after their time.
    fn plan_dose(&mut self, order: &Order, n: u32, due: Timestamp) {
        let mut rng = self.of_dose(order, n);
        let shift = if order.timing.is_prn() { SignedDuration::ZERO } else { rng.minutes(-10..30) };
        let (order, version) = (order.number, order.version);
        self.at(due + shift, Due::Dose { order, version, n, due });
    }

    pub(super) fn dose(&mut self, number: u32, version: u32, n: u32, due: Timestamp) {
        let order = self.orders[&number].clone();
        if order.state.is_over() || order.version != version {
            return;
        }
        let mut rng = self.of_dose(&order, n);
        let plan = plan(&mut rng);
        let nurse = rng.random_range(0..NURSES_PER_WARD);
        let next = match (order.timing.is_prn(), order.timing.least_hours()) {
            (true, Some(hours)) => {
                let wait = rng.minutes(10..200) + SignedDuration::from_hours(i64::from(hours));
                whole_second(self.now) + wait
            }
            _ => due_after(order.timing, order.begins, due),
        };
        self.plan_dose(&order, n + 1, next);
        let place = self.patients[order.patient].place();
        if let Some(place) = place.filter(|_| order.is_open()) {
            let ward = place.ward;
            let who = (nurse_id(ward, nurse), nurse_id(ward, nurse + 1));
            self.visit(ward, &order, order.units, who, VisitKind::Dose(plan));
        }
    }

    fn visit(
        &mut self,
        ward: usize,
        order: &Order,
        units: Decimal,
        (user, witness): (String, String),
        kind: VisitKind,
    ) {
        self.out.push(Event::Visit(Box::new(Visit {
            ward,
            patient: Some(order.patient),
            order: Some(order.number),
            item: order.item,
            units,
            user,
            witness,
            kind,
        })));
    }

    fn pair(&mut self, ward: usize) -> (String, String) {
        let nurse = self.wards[ward].random_range(0..NURSES_PER_WARD);
        (nurse_id(ward, nurse), nurse_id(ward, nurse + 1))
    }

    /// A patient of the ward and an item that was never ordered for that patient.
    fn not_ordered(
        &mut self,
        ward: usize,
        wanted: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        let patients = self.on_ward(ward);
        if patients.is_empty() {
            return None;
        }
        let patient = *self.wards[ward].pick(&patients);
        let orders = self.orders_of.get(&patient)?;
        let items: Vec<usize> = (0..FORMULARY.len())
            .filter(|item| wanted(*item))
            .filter(|item| orders.iter().all(|number| self.orders[number].item != *item))
            .collect();
        (!items.is_empty()).then(|| (patient, *self.wards[ward].pick(&items)))
    }

    pub(super) fn override_visit(&mut self, ward: usize) {
        self.next_override(ward, 0);
        let allowed = |item: usize| FORMULARY[item].override_allowed;
        let Some((patient, item)) = self.not_ordered(ward, allowed) else {
            return;
        };
        let mut plan = plan(&mut self.wards[ward]);
        // An administration without an order is told over HTTP, which can say so.
        plan.by_epma = false;
        if matches!(plan.ending, Ending::Omit | Ending::Null) {
            plan.ending = Ending::Give;
        }
        let reason = *self.wards[ward].pick(&REASONS);
        let (user, witness) = self.pair(ward);
        self.out.push(Event::Visit(Box::new(Visit {
            ward,
            patient: Some(patient),
            order: None,
            item,
            units: FORMULARY[item].dose_units()[0],
            user,
            witness,
            kind: VisitKind::Override { reason, plan },
        })));
    }

    pub(super) fn count(&mut self, ward: usize) {
        let wait = self.wards[ward].minutes(120..240);
        self.after(wait, Due::Count { ward });
        let item = self.wards[ward].random_range(0..FORMULARY.len());
        let pair = self.pair(ward);
        self.count_visit(ward, item, pair);
    }

    fn count_visit(&mut self, ward: usize, item: usize, (user, witness): (String, String)) {
        self.out.push(Event::Visit(Box::new(Visit {
            ward,
            patient: None,
            order: None,
            item,
            units: Decimal::ZERO,
            user,
            witness,
            kind: VisitKind::Count,
        })));
    }

    pub(super) fn attempt(&mut self, ward: usize) {
        self.next_attempt(ward, 0);
        let asking = cabinet(ward).kind == CabinetKind::Asking;
        let attempt = *self.wards[ward].pick(if asking { &ASKING[..] } else { &PROFILED[..] });
        let (mut user, witness) = self.pair(ward);
        let kind = VisitKind::Attempt(attempt);
        if matches!(attempt, Attempt::NoOrder | Attempt::OverrideForbidden) {
            let forbidden = attempt == Attempt::OverrideForbidden;
            let wanted = |item: usize| !forbidden || !FORMULARY[item].override_allowed;
            if let Some((patient, item)) = self.not_ordered(ward, wanted) {
                let units = FORMULARY[item].dose_units()[0];
                let (patient, order) = (Some(patient), None);
                let visit = Visit { ward, patient, order, item, units, user, witness, kind };
                self.out.push(Event::Visit(Box::new(visit)));
            }
            return;
        }
        let Some(order) = self.order_for(ward, attempt) else {
            return;
        };
        let mut units = order.units;
        match attempt {
            Attempt::NotAllowed => user = assistant_id(ward),
            Attempt::TooMuch => units = order.units * Decimal::TWO,
            _ => {}
        }
        self.visit(ward, &order, units, (user, witness), kind);
    }

    /// An order with which the attempt can be made.
    fn order_for(&mut self, ward: usize, attempt: Attempt) -> Option<Order> {
        let here = attempt != Attempt::WrongWard;
        let patients: Vec<usize> = if here {
            self.on_ward(ward)
        } else {
            let others = (0..self.wards.len()).filter(|other| *other != ward);
            others.flat_map(|other| self.on_ward(other)).collect()
        };
        let fits = |order: &&Order| match attempt {
            Attempt::Held => order.state == OrderState::Held && order.verified_by.is_some(),
            Attempt::Stopped => order.state == OrderState::Stopped,
            Attempt::TooEarly => order.is_open() && order.timing.least_hours().is_some(),
            Attempt::NoWitness => order.is_open() && order.item().witness,
            _ => order.is_open(),
        };
        let numbers = patients.iter().filter_map(|patient| self.orders_of.get(patient)).flatten();
        let orders: Vec<Order> =
            numbers.map(|number| &self.orders[number]).filter(fits).cloned().collect();
        (!orders.is_empty()).then(|| self.wards[ward].pick(&orders).clone())
    }
}
