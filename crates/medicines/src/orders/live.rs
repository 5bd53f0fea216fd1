//! Whether an order authorises taking some units of an item, now or at an earlier time.

use fhir::Id;
use fhir::resources::MedicationRequestStatus;
use jiff::{SignedDuration, Timestamp};

use super::cover::{NotCovered, Wanted, covers};
use super::dose::Dose;
use crate::site::Policies;
use crate::state::OrderState;

/// An order of which this module has found that it was live at a time, and verified unless the
/// site lets unverified orders be taken.
///
/// It is the ground of a removal permit; nothing else can make one.
#[derive(Debug)]
pub struct LiveOrder<'a> {
    order: &'a OrderState,
    at: Timestamp,
    verified: bool,
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
    /// Its prescriber's system has said nothing of it for longer than the site allows.
    TooOld,
}

impl<'a> LiveOrder<'a> {
    /// Finds whether `order` was live at `at`, and verified or allowed to be taken all the same.
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
        if !was.verified && (was.held || !policies.unverified_allowed) {
            return Err(NotLive::NotVerified);
        }
        let valid = SignedDuration::from_hours(i64::from(policies.order_valid_h));
        if policies.order_valid_h > 0 && at.duration_since(was.at) > valid {
            return Err(NotLive::TooOld);
        }
        Ok(LiveOrder { order, at, verified: was.verified })
    }

    /// The order's id.
    pub fn id(&self) -> Id {
        self.order.id.clone()
    }

    /// Whether a pharmacist had verified it: taking it otherwise is reviewed.
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Finds whether the order covers what is wanted, with what was already taken, and how much
    /// one dose is.
    pub fn covers(&self, wanted: &Wanted<'_>) -> Result<Dose, NotCovered> {
        covers(self.order, self.at, wanted)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::Quantity;
    use crate::formulary::Item;
    use crate::orders::dose::NotTold;
    use crate::site::Site;
    use crate::state::{Recent, Schedule, StatusChange, Taken};

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
            by: None,
            changes: vec![StatusChange {
                at: time("00:00"),
                status: MedicationRequestStatus::Active,
                verified: true,
                here: false,
                held: false,
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
                    of: Some(2.into()),
                })
                .collect(),
            begun: !taken.is_empty(),
            doses: (schedule == Schedule::Once).then_some(1),
            total: taken.iter().map(|(_, units)| Decimal::new(5 * *units, 1)).sum(),
            encounter: None,
            steps: None,
            way: None,
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

    fn covered(order: &OrderState, at: &str, units: i64) -> Result<Dose, NotCovered> {
        let site = Site { items: vec![paracetamol()], ..Site::default() };
        let one = |taken: &Taken| Recent {
            by: taken.removal.clone(),
            item: "PARA500".into(),
            at: taken.at,
            units: taken.units,
        };
        let recent: Vec<Recent> = order.taken.iter().map(one).collect();
        let wanted = Wanted {
            site: &site,
            item: &site.items[0],
            units: units.into(),
            recent: &recent,
            dictionary: None,
        };
        LiveOrder::check(order, time(at), &site.policies).unwrap().covers(&wanted)
    }

    fn check(
        schedule: Schedule,
        taken: &[(&str, i64)],
        at: &str,
        units: i64,
        expected: Result<(), NotCovered>,
    ) {
        let order = order(schedule, "1 g", taken);
        let covered = covered(&order, at, units).map(drop);
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
        check(Schedule::Once, &[("08:00", 2)], "20:00", 1, Err(NotCovered::CourseOver));
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
    fn half_a_unit_counts_as_the_half_that_is_given() {
        let mut order = order(Schedule::AsNeeded(4 * 3600), "250 mg", &[("06:00", 1)]);
        order.maximum = Some(Quantity::new(750.into(), "mg"));
        assert!(covered(&order, "10:00", 1).is_ok());
        order.maximum = Some(Quantity::new(749.into(), "mg"));
        assert_eq!(covered(&order, "10:00", 1), Err(NotCovered::MaximumReached));
    }

    #[test]
    fn a_dose_in_another_unit_is_not_guessed() {
        let order = order(Schedule::Daily(6 * 3600), "5 ml", &[]);
        let untold = Err(NotCovered::NotTold(NotTold::Unit));
        assert_eq!(covered(&order, "08:00", 1), untold);
    }

    #[test]
    fn an_order_is_judged_as_it_was_at_the_time() {
        let mut order = order(Schedule::Daily(6 * 3600), "1 g", &[]);
        let change = |at: &str, status, verified| StatusChange {
            at: time(at),
            status,
            verified,
            here: false,
            held: false,
        };
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

    #[test]
    fn a_course_counts_doses_of_whatever_size() {
        let mut order = order(Schedule::Unknown, "1 g", &[("08:00", 4), ("12:00", 1)]);
        order.maximum = None;
        order.doses = Some(3);
        // One dose was of four units then, and half a dose of two units is one.
        order.taken[0].of = Some(4.into());
        order.total = "1.5".parse().unwrap();
        assert!(covered(&order, "16:00", 2).is_ok());
        order.total = "2.5".parse().unwrap();
        assert_eq!(covered(&order, "16:00", 2), Err(NotCovered::CourseOver));
        assert!(covered(&order, "16:00", 1).is_ok());
    }

    #[test]
    fn parts_of_doses_of_different_strengths_are_one_dose() {
        let mut order = order(Schedule::Every(6 * 3600), "1500 mg", &[("08:00", 1), ("08:01", 2)]);
        order.maximum = None;
        // A third of three tablets, and a third of six smaller ones; a third is left.
        (order.taken[0].of, order.taken[1].of) = (Some(3.into()), Some(6.into()));
        assert!(covered(&order, "08:05", 1).is_ok());
        assert!(matches!(covered(&order, "08:05", 2), Err(NotCovered::TooEarly(_))));
    }

    #[test]
    fn a_taper_goes_on_with_its_next_step() {
        use crate::state::Step;
        let mut order = order(Schedule::Daily(24 * 3600), "2 g", &[]);
        order.maximum = None;
        let step = |dose: i64, start: &str, end: &str| Step {
            start: Some(time(start)),
            end: Some(time(end)),
            dose: Some(Quantity::new(dose.into(), "g")),
            schedule: Schedule::Daily(24 * 3600),
            maximum: None,
            doses: None,
        };
        order.steps = Some([step(2, "06:00", "12:00"), step(1, "12:00", "18:00")].into());
        assert!(covered(&order, "11:59", 4).is_ok());
        assert!(covered(&order, "12:00", 2).is_ok());
        assert_eq!(covered(&order, "12:00", 3), Err(NotCovered::QuantityExceedsDose));
        let after = covered(&order, "18:00", 2);
        assert_eq!(after, Err(NotCovered::NotTold(NotTold::NoDose)));
    }

    #[test]
    fn an_order_nobody_spoke_of_for_too_long_is_too_old() {
        let order = order(Schedule::Daily(6 * 3600), "1 g", &[]);
        let policies = Policies { order_valid_h: 12, ..Policies::default() };
        let at = |at: &str| LiveOrder::check(&order, time(at), &policies).err();
        assert_eq!(at("12:00"), None);
        assert_eq!(at("12:01"), Some(NotLive::TooOld));
    }

    #[test]
    fn an_unverified_order_is_known_as_one() {
        let mut order = order(Schedule::Daily(6 * 3600), "1 g", &[]);
        order.changes[0].verified = false;
        let policies = Policies { unverified_allowed: true, ..Policies::default() };
        assert!(!LiveOrder::check(&order, time("08:00"), &policies).unwrap().is_verified());
    }
}
