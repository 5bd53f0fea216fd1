//! The ePMA: what is prescribed, verified, held, changed and stopped.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;

use super::{Ask, Due, Event, Planner};
use crate::chance::Chance;
use crate::formulary::{FORMULARY, Timing};
use crate::site::{DOCTORS, doctor_id, pharmacist_id};
use crate::world::{Order, OrderState};

/// The most orders that one message carries.
const ORDERS_PER_MESSAGE: usize = 3;
/// The most orders that a patient has at a time.
const MOST_ORDERS: usize = 12;

impl Planner {
    /// The first prescriptions of an admission. They are never before it could be cancelled.
    pub(super) fn foresee_orders(&mut self, patient: usize, visit: u32) {
        let wait = self.epma.minutes(6..25);
        let count = self.epma.random_range(3..=6);
        self.after(wait, Due::Prescribe { patient, visit, count, again: true });
    }

    fn send(&mut self, patient: usize, orders: Vec<(Ask, Order)>) {
        let patient = Box::new(self.patients[patient].clone());
        self.out.push(Event::Orders { patient, orders });
    }

    pub(super) fn prescribe(&mut self, patient: usize, visit: u32, count: usize, again: bool) {
        if self.in_bed(patient, visit).is_none() {
            return;
        }
        let running = self.running(patient);
        let had: BTreeSet<usize> = running.iter().map(|number| self.orders[number].item).collect();
        let mut free: Vec<usize> = (0..FORMULARY.len()).filter(|i| !had.contains(i)).collect();
        let mut left = count.min(MOST_ORDERS.saturating_sub(running.len()));
        while left > 0 && !free.is_empty() {
            let together = if self.epma.per_mille(250) { ORDERS_PER_MESSAGE } else { 1 };
            let mut orders = Vec::new();
            for _ in 0..together.min(left).min(free.len()) {
                let item = free.swap_remove(self.epma.random_range(0..free.len()));
                orders.push((Ask::New, self.place(patient, item)));
                left -= 1;
            }
            self.send(patient, orders);
        }
        if again {
            let wait = self.epma.minutes(300..900);
            self.after(wait, Due::Prescribe { patient, visit, count: 1, again: true });
        }
    }

    /// A new order in the book, with what will become of it.
    fn place(&mut self, patient: usize, item: usize) -> Order {
        let number = self.next_order;
        self.next_order += 1;
        let facts = &FORMULARY[item];
        let verified = self.epma.per_mille(850);
        let order = Order {
            number,
            patient,
            item,
            units: *self.epma.pick(&facts.dose_units()),
            timing: *self.epma.pick(facts.timings),
            begins: whole_second(self.now),
            state: OrderState::Live,
            verified_by: verified.then(|| pharmacist_id(self.epma.random_range(0..DOCTORS))),
            prescriber: doctor_id(self.epma.random_range(0..DOCTORS)),
            by_moiety: facts.alone && self.epma.per_mille(200),
            with_local: self.epma.per_mille(400),
            version: 1,
        };
        self.orders.insert(number, order.clone());
        self.orders_of.entry(patient).or_default().push(number);
        self.foresee_order(number, verified);
        self.foresee_doses(number);
        order
    }

    fn foresee_order(&mut self, order: u32, verified: bool) {
        if !verified {
            let wait = self.epma.minutes(5..30);
            self.after(wait, Due::Verify { order });
        }
        match self.epma.random_range(0..1000_u16) {
            0..25 => {
                let wait = self.epma.minutes(2..5);
                self.after(wait, Due::Stop { order, cancel: true });
            }
            25..150 => {
                let wait = self.epma.minutes(20..400);
                self.after(wait, Due::Hold { order });
            }
            150..260 => {
                let wait = self.epma.minutes(20..600);
                self.after(wait, Due::Change { order });
            }
            260..310 => {
                let wait = self.epma.minutes(20..600);
                self.after(wait, Due::Replace { order });
            }
            310..430 => {
                let wait = self.epma.minutes(20..600);
                self.after(wait, Due::Stop { order, cancel: false });
            }
            _ => {}
        }
    }

    /// Changes an order that is not over and tells it; `false` where `from` is not its state.
    fn alter(
        &mut self,
        number: u32,
        from: OrderState,
        ask: Ask,
        edit: impl Fn(&mut Order),
    ) -> bool {
        let Some(order) = self.orders.get_mut(&number) else {
            return false;
        };
        if order.state != from {
            return false;
        }
        edit(order);
        let order = order.clone();
        self.send(order.patient, vec![(ask, order)]);
        true
    }

    pub(super) fn verify(&mut self, number: u32) {
        let by = pharmacist_id(self.epma.random_range(0..DOCTORS));
        let state = self.orders[&number].state;
        if state.is_over() {
            return;
        }
        self.alter(number, state, Ask::Change, |order| {
            order.verified_by = Some(by.clone());
        });
    }

    pub(super) fn hold(&mut self, order: u32) {
        let held = |order: &mut Order| order.state = OrderState::Held;
        if self.alter(order, OrderState::Live, Ask::Hold, held) {
            let wait = self.epma.minutes(40..240);
            self.after(wait, Due::Resume { order });
        }
    }

    pub(super) fn resume(&mut self, order: u32) {
        let live = |order: &mut Order| order.state = OrderState::Live;
        self.alter(order, OrderState::Held, Ask::Resume, live);
    }

    /// Another dose, or another timing.
    pub(super) fn change(&mut self, number: u32) {
        let item = self.orders[&number].item();
        let (units, timing) = (*self.epma.pick(&item.dose_units()), *self.epma.pick(item.timings));
        let changed = self.alter(number, OrderState::Live, Ask::Change, |order| {
            order.units = units;
            order.timing = timing;
            order.version += 1;
        });
        if changed {
            self.foresee_doses(number);
        }
    }

    /// A new order takes the place of an old one, in one message (RP with RO).
    pub(super) fn replace(&mut self, old: u32) {
        let Some(order) = self.orders.get_mut(&old) else {
            return;
        };
        if order.state != OrderState::Live {
            return;
        }
        order.state = OrderState::Replaced;
        let (before, patient, item) = (order.clone(), order.patient, order.item);
        let new = self.place(patient, item);
        self.send(patient, vec![(Ask::Replaced, before), (Ask::Replaces { old }, new)]);
    }

    pub(super) fn stop(&mut self, number: u32, cancel: bool) {
        let state = self.orders[&number].state;
        if state.is_over() {
            return;
        }
        let (ask, end) = if cancel {
            (Ask::Cancel, OrderState::Cancelled)
        } else {
            (Ask::Stop, OrderState::Stopped)
        };
        self.alter(number, state, ask, |order| order.state = end);
    }

    /// Stops what is left after a discharge, unless the discharge was taken back.
    pub(super) fn stop_all(&mut self, patient: usize, visit: u32) {
        if self.patients[patient].visit == visit && self.in_bed(patient, visit).is_none() {
            self.stop_running(patient);
        }
    }

    pub(super) fn stop_running(&mut self, patient: usize) {
        for number in self.running(patient) {
            self.stop(number, false);
        }
    }
}

/// HL7 times have seconds.
pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    at - SignedDuration::from_nanos(i64::from(at.subsec_nanosecond()))
}

const SIX_HOURS_S: i64 = 6 * 3_600;

/// The first time that a regular dose is due after `after`, for an order that began at `begins`.
pub(super) fn due_after(timing: Timing, begins: Timestamp, after: Timestamp) -> Timestamp {
    if timing == Timing::Q6h {
        let passed = after.duration_since(begins).as_secs().max(0);
        let first = begins + SignedDuration::from_mins(12);
        let next = begins + SignedDuration::from_secs((passed / SIX_HOURS_S + 1) * SIX_HOURS_S);
        return if first > after { first } else { next };
    }
    due_at(timing.hours(), after)
}

/// The first time after `after` that is one of these hours on the hospital's clocks.
pub(super) fn due_at(hours: &[i8], after: Timestamp) -> Timestamp {
    let zone = crate::clock::london();
    let mut day = after.to_zoned(zone.clone()).date();
    for _ in 0..3 {
        for hour in hours {
            let due = day.at(*hour, 0, 0, 0).to_zoned(zone.clone());
            if let Ok(due) = due
                && due.timestamp() > after
            {
                return due.timestamp();
            }
        }
        day = day.saturating_add(jiff::Span::new().days(1));
    }
    after + SignedDuration::from_hours(24)
}
