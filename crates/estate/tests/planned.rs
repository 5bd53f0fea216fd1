//! What a seed decides: the same every time, and always possible in a hospital.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use estate::formulary::FORMULARY;
use estate::plan::{Ask, Event, Trigger, VisitKind};
use estate::world::{Order, OrderState, Place};
use estate::{EstateConfig, Planner, SimClock};
use jiff::Timestamp;
use proptest::prelude::*;

fn config(seed: u64) -> EstateConfig {
    let start = "2026-11-20T06:40:00Z".parse().expect("a time");
    let mut config = EstateConfig::new(seed, SimClock::new(start, Instant::now(), 60));
    config.mean_stay_h = 8;
    config
}

#[test]
fn a_seed_decides_everything() {
    let script = |seed| Planner::script(&config(seed), 3_000);
    let first = script(7);
    assert_eq!(first.len(), 3_000);
    assert_eq!(first, script(7));
    assert_ne!(first, script(8));
    // The pace of the clock is no part of what is decided.
    let mut fast = config(7);
    fast.clock = SimClock::new(fast.clock.start(), Instant::now(), 900);
    assert_eq!(first, Planner::script(&fast, 3_000));
}

#[test]
fn everything_that_the_estate_can_do_is_done() {
    let script = Planner::script(&config(3), 20_000);
    let mut seen = BTreeSet::new();
    for (_, event) in &script {
        seen.insert(match event {
            Event::Patient { trigger, .. } => format!("{trigger:?}"),
            Event::Orders { orders, .. } => match orders[0].0 {
                Ask::Replaces { .. } => "Replaces".to_owned(),
                ask => format!("{ask:?}"),
            },
            Event::Visit(visit) => match visit.kind {
                VisitKind::Dose(plan) => format!("{:?}", plan.ending),
                VisitKind::Override { .. } => "Override".to_owned(),
                VisitKind::Attempt(attempt) => format!("Attempt {attempt:?}"),
                VisitKind::Count => "Count".to_owned(),
            },
        });
    }
    let all = [
        "A01",
        "A02",
        "A03",
        "A04",
        "A08",
        "A11",
        "A12",
        "A13",
        "A28",
        "A31",
        "A40",
        "New",
        "Change",
        "Hold",
        "Resume",
        "Stop",
        "Cancel",
        "Replaced",
        "Give",
        "Refused",
        "Return",
        "Part",
        "Waste",
        "Forget",
        "Omit",
        "Null",
        "Override",
        "Count",
        "Attempt Held",
        "Attempt Stopped",
        "Attempt TooEarly",
        "Attempt WrongWard",
        "Attempt UnknownItem",
        "Attempt NotOfOrder",
        "Attempt NoWitness",
        "Attempt NotAllowed",
        "Attempt TooMuch",
        "Attempt NoOrder",
        "Attempt OverrideForbidden",
    ];
    let missing: Vec<&str> = all.into_iter().filter(|one| !seen.contains(*one)).collect();
    assert!(missing.is_empty(), "never done: {missing:?}");
}

/// What is true while a script is read.
#[derive(Default)]
struct Truth {
    beds: BTreeMap<Place, usize>,
    at: BTreeMap<usize, Place>,
    known: BTreeSet<usize>,
    orders: BTreeMap<u32, Order>,
    last: Option<Timestamp>,
}

impl Truth {
    fn patient(&mut self, trigger: Trigger, index: usize, place: Option<Place>) {
        let known = self.known.contains(&index);
        let first = matches!(trigger, Trigger::A01 | Trigger::A04 | Trigger::A28);
        assert!(known || first, "{trigger:?} of a patient nobody knows");
        self.known.insert(index);
        if let Some(left) = self.at.remove(&index) {
            self.beds.remove(&left);
        }
        if let Some(place) = place {
            let other = self.beds.insert(place, index);
            assert_eq!(other, None, "two patients in {place:?}");
            self.at.insert(index, place);
        }
        let leaves = matches!(trigger, Trigger::A03 | Trigger::A11);
        assert!(!leaves || place.is_none(), "{trigger:?} and still in bed");
    }

    fn order(&mut self, ask: Ask, order: &Order) {
        let before = self.orders.insert(order.number, order.clone());
        let was = before.as_ref().map(|before| before.state);
        let live = Some(OrderState::Live);
        let held = Some(OrderState::Held);
        let possible = match ask {
            Ask::New | Ask::Replaces { .. } => was.is_none() && order.state == OrderState::Live,
            Ask::Hold => was == live && order.state == OrderState::Held,
            Ask::Resume => was == held && order.state == OrderState::Live,
            Ask::Change => was == Some(order.state) && !order.state.is_over(),
            Ask::Stop => (was == live || was == held) && order.state == OrderState::Stopped,
            Ask::Cancel => (was == live || was == held) && order.state == OrderState::Cancelled,
            Ask::Replaced => was == live && order.state == OrderState::Replaced,
        };
        assert!(possible, "{ask:?} of {was:?} to {:?}", order.state);
        let (amount, unit) = order.dose();
        if let Some((strength, strength_unit)) = order.item().strength() {
            let in_mass =
                if unit == "g" { amount * rust_decimal::Decimal::ONE_THOUSAND } else { amount };
            assert_eq!(in_mass, strength * order.units, "{unit} of {strength_unit}");
        } else {
            assert_eq!((amount, unit), (order.units, order.item().unit));
        }
    }

    fn read(&mut self, at: Timestamp, event: &Event) {
        assert!(self.last.is_none_or(|last| last <= at), "time runs forward");
        self.last = Some(at);
        match event {
            Event::Patient { trigger, patient, .. } => {
                self.patient(*trigger, patient.index, patient.place());
            }
            Event::Orders { patient, orders } => {
                assert!(self.known.contains(&patient.index));
                for (ask, order) in orders {
                    assert_eq!(order.patient, patient.index);
                    self.order(*ask, order);
                }
            }
            Event::Visit(visit) => {
                let Some(patient) = visit.patient else { return };
                let VisitKind::Dose(_) = visit.kind else {
                    return;
                };
                let order = &self.orders[&visit.order.expect("a dose has an order")];
                assert!(order.is_open() && order.patient == patient);
                assert_eq!((order.item, order.units), (visit.item, visit.units));
                assert_eq!(self.at[&patient].ward, visit.ward);
                assert_ne!(visit.user, visit.witness);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(24)
    })]

    #[test]
    fn whatever_is_decided_is_possible(seed: u64, wards in 1_usize..9, beds in 1_u16..14) {
        let mut config = config(seed);
        (config.wards, config.beds_per_ward) = (wards, beds);
        let mut truth = Truth::default();
        for (at, event) in Planner::script(&config, 1_500) {
            truth.read(at, &event);
        }
    }
}

#[test]
fn registered_drugs_are_counted_at_every_change_of_shifts() {
    let config = config(3);
    let registered: Vec<usize> =
        (0..FORMULARY.len()).filter(|item| FORMULARY[*item].schedule.is_some()).collect();
    assert!(registered.len() >= 2);
    let pages = (0..config.wards).flat_map(|ward| registered.iter().map(move |item| (ward, *item)));
    let mut last: BTreeMap<(usize, usize), Timestamp> =
        pages.map(|page| (page, config.clock.start())).collect();
    let mut counts = 0;
    for (at, event) in Planner::script(&config, 20_000) {
        let Event::Visit(visit) = event else { continue };
        if visit.kind != VisitKind::Count || !registered.contains(&visit.item) {
            continue;
        }
        let before = last.insert((visit.ward, visit.item), at).expect("a page of the wards");
        // The longest shift is the night, from 21 to 7.
        let gap = at.duration_since(before).as_secs();
        assert!(gap <= 10 * 3_600, "{} s at {at} on ward {}", gap, visit.ward);
        assert_ne!(visit.user, visit.witness);
        counts += 1;
    }
    assert!(counts > 3 * config.wards * registered.len(), "{counts} counts in more than a day");
}
