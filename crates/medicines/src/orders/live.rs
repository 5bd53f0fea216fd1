//! Whether an order authorises taking some units of an item, now or at an earlier time.

use fhir::Id;
use fhir::resources::MedicationRequestStatus;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::formulary::Item;
use crate::site::Policies;
use crate::state::{OrderState, Schedule};

/// The span of a daily maximum.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An order of which this module has found that it was live and verified at a time.
///
/// It is the ground of a removal permit; nothing else can make one.
#[derive(Debug)]
pub struct LiveOrder<'a> {
    order: &'a OrderState,
    at: Timestamp,
}

/// Why an order does not authorise a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLive {
    /// It is on hold.
    OnHold,
    /// It was stopped or cancelled, or its time is over.
    Stopped,
    /// Its time has not begun, or it was entered later.
    NotStarted,
    /// No pharmacist has verified it.
    NotVerified,
}

/// Why a live order does not cover so many units now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCovered {
    /// The last dose is too fresh; the next may be taken at this time.
    TooEarly(Timestamp),
    /// The most that may be given in 24 hours has been taken.
    MaximumReached,
    /// More than one dose.
    QuantityExceedsDose,
    /// The dose cannot be told in units of the item.
    DoseNotComparable,
}

impl<'a> LiveOrder<'a> {
    /// Finds whether `order` was live and verified at `at`.
    pub fn check(
        order: &'a OrderState,
        at: Timestamp,
        policies: &Policies,
    ) -> Result<LiveOrder<'a>, NotLive> {
        let was = order.at(at).ok_or(NotLive::NotStarted)?;
        match was.status {
            MedicationRequestStatus::Active => {}
            MedicationRequestStatus::OnHold => return Err(NotLive::OnHold),
            _ => return Err(NotLive::Stopped),
        }
        if order.end.is_some_and(|end| end <= at) {
            return Err(NotLive::Stopped);
        }
        let early = SignedDuration::from_mins(i64::from(policies.early_window_min));
        if order.start.is_some_and(|start| at < start.saturating_sub(early).unwrap_or(start)) {
            return Err(NotLive::NotStarted);
        }
        if !was.verified && !policies.unverified_allowed {
            return Err(NotLive::NotVerified);
        }
        Ok(LiveOrder { order, at })
    }

    /// The order's id.
    pub fn id(&self) -> Id {
        self.order.id.clone()
    }

    /// Finds whether the order covers `units` of `item`, with what was already taken on it.
    pub fn covers(
        &self,
        item: &Item,
        units: Decimal,
        policies: &Policies,
    ) -> Result<(), NotCovered> {
        let dose = units_per_dose(self.order, item).ok_or(NotCovered::DoseNotComparable)?;
        if units > dose {
            return Err(NotCovered::QuantityExceedsDose);
        }
        self.within_course(units, dose)?;
        self.within_interval(units, dose, policies)?;
        self.within_period(units, dose, policies)?;
        self.within_maximum(item, units)
    }

    /// What was taken since the last dose could begin, with these units, is at most one dose.
    fn within_interval(
        &self,
        units: Decimal,
        dose: Decimal,
        policies: &Policies,
    ) -> Result<(), NotCovered> {
        let gap = least_gap(self.order.schedule, policies);
        let Some(gap) = gap else { return Ok(()) };
        let since = self.at.saturating_sub(gap).unwrap_or(Timestamp::MIN);
        let recent = self.order.taken.iter().filter(|taken| taken.at > since);
        let taken: Decimal = recent.clone().map(|taken| taken.units).sum();
        if taken + units <= dose {
            return Ok(());
        }
        let first = recent.map(|taken| taken.at).min().unwrap_or(self.at);
        Err(NotCovered::TooEarly(first.saturating_add(gap).unwrap_or(Timestamp::MAX)))
    }

    /// An order for a number of doses ends with the last of them.
    fn within_course(&self, units: Decimal, dose: Decimal) -> Result<(), NotCovered> {
        let Some(doses) = self.order.doses else { return Ok(()) };
        let most = dose.checked_mul(Decimal::from(doses)).unwrap_or(Decimal::MAX);
        let taken = self.order.total;
        if taken + units > most { Err(NotCovered::MaximumReached) } else { Ok(()) }
    }

    /// Doses at the ward's times may move within the day, but no more of them go into a day than
    /// are ordered for it; twice the early window is what a round may shift.
    fn within_period(
        &self,
        units: Decimal,
        dose: Decimal,
        policies: &Policies,
    ) -> Result<(), NotCovered> {
        let Schedule::Daily(mean) = self.order.schedule else { return Ok(()) };
        let doses = (DAY.as_secs() / mean.max(1)).max(1);
        let shift = 2 * i64::from(policies.early_window_min) * 60;
        let span = SignedDuration::from_secs((mean.saturating_mul(doses) - shift).max(0));
        let since = self.at.saturating_sub(span).unwrap_or(Timestamp::MIN);
        let most = dose.checked_mul(Decimal::from(doses)).unwrap_or(Decimal::MAX);
        let recent = self.order.taken.iter().filter(|taken| taken.at > since);
        // What was one dose before the order was changed to a smaller one is no more than one.
        let taken: Decimal = recent.clone().map(|taken| taken.units.min(dose)).sum();
        if taken + units <= most {
            return Ok(());
        }
        let first = recent.map(|taken| taken.at).min().unwrap_or(self.at);
        Err(NotCovered::TooEarly(first.saturating_add(span).unwrap_or(Timestamp::MAX)))
    }

    fn within_maximum(&self, item: &Item, units: Decimal) -> Result<(), NotCovered> {
        let Some(maximum) = &self.order.maximum else {
            return Ok(());
        };
        let most = units_of(maximum, item).ok_or(NotCovered::DoseNotComparable)?;
        let since = self.at.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
        let day = self.order.taken.iter().filter(|taken| taken.at > since);
        let taken: Decimal = day.map(|taken| taken.units).sum();
        if taken + units > most { Err(NotCovered::MaximumReached) } else { Ok(()) }
    }
}

/// One dose of the order in units of the item, where it is exact.
pub(crate) fn units_per_dose(order: &OrderState, item: &Item) -> Option<Decimal> {
    units_of(order.dose.as_ref()?, item)
}

/// A quantity in units of the item: by the unit's name, or by mass and the item's strength.
pub(crate) fn units_of(quantity: &crate::Quantity, item: &Item) -> Option<Decimal> {
    if quantity.unit.is_empty() || quantity.unit == item.unit.to_lowercase() {
        return Some(quantity.value);
    }
    quantity.count_of(item.strength.as_ref()?)
}

/// The least time between two doses, or `None` where the schedule tells nothing computable.
///
/// A fixed interval (Q6H) may be shortened by the early window, by a quarter of itself at the
/// most. Doses at the ward's times (QDS) lie unevenly over the day: half the mean interval is
/// the least; from a day on (alternate days, weekly methotrexate) half a day less than the
/// interval. As-needed doses keep their interval to the second.
pub(crate) fn least_gap(schedule: Schedule, policies: &Policies) -> Option<SignedDuration> {
    let seconds = SignedDuration::from_secs;
    match schedule {
        // A single dose is held by the number of doses of its course.
        Schedule::Unknown | Schedule::Once => None,
        Schedule::Every(interval) => {
            let early = i64::from(policies.early_window_min) * 60;
            Some(seconds(interval - early.min(interval / 4)))
        }
        Schedule::Daily(mean) if mean > DAY.as_secs() => Some(seconds(mean - DAY.as_secs() / 2)),
        Schedule::Daily(mean) => Some(seconds(mean / 2)),
        Schedule::AsNeeded(interval) => Some(seconds(interval)),
    }
}

/// Whether the order is for the item: one of its codes names it.
///
/// dm+d codes are compared by code, since senders write them as dm+d or as SNOMED CT.
pub(crate) fn is_for(order: &OrderState, item: &Item, item_system: &str) -> bool {
    order.codings.iter().any(|(system, code)| {
        (system == item_system && *code == item.code)
            || item.codings.iter().any(|(other, known)| known == code && same(system, other))
    })
}

fn same(a: &str, b: &str) -> bool {
    let medicines = |system: &str| system == fhir::systems::DMD || system == fhir::systems::SNOMED;
    a == b || (medicines(a) && medicines(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantity;
    use crate::state::{StatusChange, Taken};

    fn time(text: &str) -> Timestamp {
        format!("2026-11-20T{text}:00Z").parse().unwrap()
    }

    fn order(schedule: Schedule, dose: &str, taken: &[(&str, i64)]) -> OrderState {
        let (value, unit) = dose.split_once(' ').unwrap();
        OrderState {
            id: Id::new("rxx.1.1").unwrap(),
            version: 1,
            patient: Id::new("rxx.2.1").unwrap(),
            number: "system|7001".into(),
            changes: vec![StatusChange {
                at: time("00:00"),
                status: MedicationRequestStatus::Active,
                verified: true,
            }],
            codings: [].into(),
            dose: Some(Quantity::new(value.parse().unwrap(), unit)),
            schedule,
            maximum: Some(Quantity::new(4.into(), "g")),
            start: Some(time("06:00")),
            end: Some(time("23:00")),
            taken: taken
                .iter()
                .enumerate()
                .map(|(n, (at, units))| Taken {
                    removal: Id::new(&format!("rxx.3.{n}")).unwrap(),
                    at: time(at),
                    units: (*units).into(),
                })
                .collect(),
            begun: !taken.is_empty(),
            doses: (schedule == Schedule::Once).then_some(1),
            total: taken.iter().map(|(_, units)| Decimal::from(*units)).sum(),
            encounter: None,
        }
    }

    fn paracetamol() -> Item {
        Item {
            code: "PARA500".into(),
            name: "Paracetamol 500 mg tablets".into(),
            unit: "tablet".into(),
            strength: Some(Quantity::new(500.into(), "mg")),
            ..Item::default()
        }
    }

    fn check(
        schedule: Schedule,
        taken: &[(&str, i64)],
        at: &str,
        units: i64,
        expected: Result<(), NotCovered>,
    ) {
        let order = order(schedule, "1 g", taken);
        let policies = Policies::default();
        let live = LiveOrder::check(&order, time(at), &policies).unwrap();
        let covered = live.covers(&paracetamol(), units.into(), &policies);
        assert_eq!(covered, expected, "{schedule:?} {taken:?} {units} at {at}");
    }

    #[test]
    fn a_dose_is_covered_once_in_its_interval() {
        let every_6h = Schedule::Every(6 * 3600);
        let four_a_day = Schedule::Daily(6 * 3600);
        let as_needed = Schedule::AsNeeded(4 * 3600);
        check(every_6h, &[], "08:00", 2, Ok(()));
        check(every_6h, &[], "08:00", 3, Err(NotCovered::QuantityExceedsDose));
        check(every_6h, &[("08:00", 1)], "08:10", 1, Ok(()));
        check(every_6h, &[("08:00", 2)], "12:59", 2, Err(NotCovered::TooEarly(time("13:00"))));
        check(every_6h, &[("08:00", 2)], "13:00", 2, Ok(()));
        check(every_6h, &[("08:00", 0)], "08:30", 2, Ok(()));
        check(four_a_day, &[("08:00", 2)], "10:30", 2, Err(NotCovered::TooEarly(time("11:00"))));
        check(four_a_day, &[("08:00", 2)], "12:00", 2, Ok(()));
        check(as_needed, &[("08:00", 2)], "11:59", 2, Err(NotCovered::TooEarly(time("12:00"))));
        check(Schedule::Once, &[("08:00", 1)], "20:00", 1, Ok(()));
        check(Schedule::Once, &[("08:00", 2)], "20:00", 1, Err(NotCovered::MaximumReached));
        let weekly = Schedule::Daily(7 * 24 * 3600);
        let next = Err(NotCovered::TooEarly("2026-11-26T20:00:00Z".parse().unwrap()));
        check(weekly, &[("08:00", 2)], "20:00", 2, next);
        check(Schedule::Unknown, &[("08:00", 2)], "08:01", 2, Ok(()));
    }

    #[test]
    fn a_day_has_no_more_doses_than_are_ordered() {
        let three_a_day = Schedule::Daily(8 * 3600);
        let taken = [("06:00", 2), ("10:00", 2), ("14:00", 2)];
        let next = Err(NotCovered::TooEarly("2026-11-21T04:00:00Z".parse().unwrap()));
        check(three_a_day, &taken, "18:00", 2, next);
        check(three_a_day, &taken[..2], "18:00", 2, Ok(()));
        let larger_before = [("06:00", 4), ("14:00", 2)];
        check(three_a_day, &larger_before, "20:00", 2, Ok(()));
    }

    #[test]
    fn a_daily_maximum_counts_24_hours() {
        let taken = [("06:00", 2), ("10:00", 2), ("14:00", 2), ("18:00", 2)];
        let as_needed = Schedule::AsNeeded(4 * 3600);
        check(as_needed, &taken, "22:00", 2, Err(NotCovered::MaximumReached));
        check(as_needed, &taken[..3], "18:00", 2, Ok(()));
    }

    #[test]
    fn a_dose_in_another_unit_is_not_guessed() {
        let order = order(Schedule::Daily(6 * 3600), "5 ml", &[]);
        let policies = Policies::default();
        let live = LiveOrder::check(&order, time("08:00"), &policies).unwrap();
        let covered = live.covers(&paracetamol(), 1.into(), &policies);
        assert_eq!(covered, Err(NotCovered::DoseNotComparable));
    }

    #[test]
    fn an_order_is_judged_as_it_was_at_the_time() {
        let mut order = order(Schedule::Daily(6 * 3600), "1 g", &[]);
        let change = |at: &str, status, verified| StatusChange { at: time(at), status, verified };
        order.changes = vec![
            change("05:30", MedicationRequestStatus::Active, false),
            change("09:00", MedicationRequestStatus::Active, true),
            change("12:00", MedicationRequestStatus::OnHold, true),
            change("13:00", MedicationRequestStatus::Active, true),
            change("15:00", MedicationRequestStatus::Stopped, true),
        ];
        let policies = Policies::default();
        let at = |at: &str| LiveOrder::check(&order, time(at), &policies).err();
        assert_eq!(at("05:00"), Some(NotLive::NotStarted));
        assert_eq!(at("08:00"), Some(NotLive::NotVerified));
        assert_eq!(at("10:00"), None);
        assert_eq!(at("12:30"), Some(NotLive::OnHold));
        assert_eq!(at("14:00"), None);
        assert_eq!(at("16:00"), Some(NotLive::Stopped));
        order.changes.truncate(4);
        let ended = LiveOrder::check(&order, time("23:00"), &policies).err();
        assert_eq!(ended, Some(NotLive::Stopped));
    }
}
