//! What shows only over many acts: patterns of one person, and what becomes of units that are told
//! late.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::types::{CodeableConcept, Identifier};
use hospital::*;
use jiff::SignedDuration;
use medicines::cabinet::{Coded, Staff, Transaction, TransactionCode};
use medicines::cases::{Case, CaseKind};
use medicines::{Fact, Quantity, Request};

const ITEM_CODE: &str = "MORPH10";

/// Anna's morphine, which is never too early: nothing computable says how often.
fn with_morphine() -> Hospital {
    let mut hospital = Hospital::new();
    hospital.order_for(ANNA, medicines::orders::Control::New, "7001", ITEM_CODE, Some("P1"));
    hospital
}

fn act(hospital: &mut Hospital, code: TransactionCode, user: &str, units: &str) {
    let witness = if user == "N1" { "N2" } else { "N1" };
    let at = hospital.now;
    let mut told = transaction(code, at, 0);
    told.amount = Some(units.parse().unwrap());
    told.item = Coded { code: ITEM_CODE.into(), text: String::new() };
    told.unit = Some("ampoule".into());
    told.user = Staff { id: user.into(), name: String::new() };
    told.witness = Some(Staff { id: witness.into(), name: String::new() });
    told.order = Some(Identifier::of(ORDER, "7001"));
    hospital.transact(told);
}

fn given(hospital: &mut Hospital, user: &str, units: &str) {
    let mut told = administration(hospital.now, "7001", 0);
    told.item = CodeableConcept::of(ITEM, ITEM_CODE, None);
    told.quantity = Quantity::new(units.parse().unwrap(), "");
    told.performer = user.into();
    hospital.ask(Request::Administer(vec![told]));
}

fn later(hospital: &mut Hospital, minutes: i64) {
    hospital.now += SignedDuration::from_mins(minutes);
    hospital.tick();
}

fn patterns(hospital: &Hospital) -> Vec<(String, String, u64)> {
    let pattern = |case: &Case| {
        let person = case.person.clone().unwrap();
        (case.kind == CaseKind::PersonPattern)
            .then(|| (case.reason.clone(), person, case.count.unwrap()))
    };
    hospital
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CaseOpened(case) if case.person.is_some() => pattern(case),
            _ => None,
        })
        .collect()
}

/// A removal every seven hours by each of these; `x` forgets it, `h` gives a half of it, `l` tells
/// of it after three hours, anything else gives it in time.
fn removals(hospital: &mut Hospital, acts: &[(&str, char)]) {
    for (user, how) in acts {
        act(hospital, TransactionCode::Vend, user, "1");
        match how {
            'x' => {}
            'h' => {
                given(hospital, user, "0.5");
                act(hospital, TransactionCode::Waste, user, "0.5");
            }
            'l' => {
                later(hospital, 180);
                given(hospital, user, "1");
                later(hospital, 240);
                continue;
            }
            _ => given(hospital, user, "1"),
        }
        later(hospital, 420);
    }
}

/// The same where nothing but the release of dm+d says that it is a controlled drug.
fn with_morphine_of_dmd() -> Hospital {
    let index = terminology::synthetic::import().unwrap().index;
    let two = terminology::ControlledDrug::Schedule2;
    let morphine = index.vmps().find(|vmp| vmp.controlled() == two).unwrap().id();
    let mut hospital = Hospital::new();
    hospital.dictionary = Some(std::sync::Arc::new(index));
    hospital.configure(|site| {
        let item = site.items.iter_mut().find(|item| item.code == ITEM_CODE).unwrap();
        (item.witness, item.dmd) = (false, Some(morphine.to_string()));
    });
    hospital.order_for(ANNA, medicines::orders::Control::New, "7001", ITEM_CODE, Some("P1"));
    assert!(hospital.state.is_registered(ITEM_CODE));
    hospital
}

fn check(acts: &[(&str, char)], expected: &[(&str, &str, u64)]) {
    check_with(with_morphine, acts, expected);
    check_with(with_morphine_of_dmd, acts, expected);
}

fn check_with(
    with_morphine: fn() -> Hospital,
    acts: &[(&str, char)],
    expected: &[(&str, &str, u64)],
) {
    let mut hospital = with_morphine();
    removals(&mut hospital, acts);
    let expected: Vec<_> = expected
        .iter()
        .map(|(reason, person, count)| ((*reason).to_owned(), (*person).to_owned(), *count))
        .collect();
    assert_eq!(patterns(&hospital), expected, "{acts:?}");
    let mut again = with_morphine();
    for (n, one) in acts.iter().enumerate() {
        removals(&mut again, std::slice::from_ref(one));
        if n % 2 == 0 {
            again = again.restarted();
        }
    }
    assert_eq!(patterns(&again), expected, "with restarts: {acts:?}");
}

#[test]
fn what_one_person_does_not_account_for_is_looked_at_together() {
    check(&[("N1", 'x'), ("N1", 'x')], &[]);
    check(&[("N1", 'x'), ("N2", 'x'), ("N1", 'x'), ("N2", 'x')], &[]);
    check(&[("N1", 'x'), ("N1", 'g'), ("N1", 'x'), ("N1", 'x')], &[("repeated", "N1", 3)]);
    // What is told late, but told, does not count.
    check(&[("N1", 'x'), ("N1", 'l'), ("N1", 'x')], &[]);
    // A week is 24 removals long here.
    let quiet = [("N2", 'g'); 24];
    let mut acts = vec![("N1", 'x'), ("N1", 'x')];
    acts.extend(quiet);
    acts.push(("N1", 'x'));
    check(&acts, &[]);
}

#[test]
fn wastes_beyond_what_the_others_waste_are_looked_at() {
    let honest = [("N2", 'g'), ("N2", 'h'), ("N2", 'g'), ("N2", 'g')];
    let much = [("N1", 'h'), ("N2", 'g'), ("N1", 'h'), ("N2", 'g')];
    let mut acts = honest.to_vec();
    for _ in 0..5 {
        acts.extend(much);
    }
    let found = {
        let mut hospital = with_morphine();
        removals(&mut hospital, &acts);
        patterns(&hospital)
    };
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("waste-above-others", "N1"));
    // Where both waste alike, nobody is looked at.
    let alike: Vec<_> = (0..12).flat_map(|_| [("N1", 'h'), ("N2", 'h')]).collect();
    check(&alike, &[]);
}

#[test]
fn what_is_missing_is_not_found_by_giving_a_later_dose() {
    let mut hospital = with_morphine();
    removals(&mut hospital, &[("N1", 'x'), ("N2", 'g')]);
    let open: Vec<_> = hospital.state.open_cases().cloned().collect();
    let unaccounted: Vec<_> =
        open.iter().filter(|case| case.kind == CaseKind::UnaccountedDose).collect();
    assert_eq!(unaccounted.len(), 1);
    assert_eq!(unaccounted[0].person.as_deref(), Some("N1"));
}

#[test]
fn a_removal_that_is_told_late_is_not_missed_at_once() {
    let mut hospital = with_morphine();
    let taken = hospital.now;
    later(&mut hospital, 150);
    let told: Transaction = {
        let mut told = transaction(TransactionCode::Vend, taken, 2);
        told.order = Some(Identifier::of(ORDER, "7002"));
        told
    };
    hospital.order(medicines::orders::Control::New, "7002");
    hospital.transact(told);
    let missed = |hospital: &Hospital| {
        let open = hospital.open_cases();
        open.iter().filter(|(kind, _)| *kind == CaseKind::UnaccountedDose).count()
    };
    later(&mut hospital, 10);
    assert_eq!(missed(&hospital), 0, "what became of it is told after it");
    let mut hospital = hospital.restarted();
    later(&mut hospital, 6);
    assert_eq!(missed(&hospital), 1);
}

#[test]
fn a_dose_for_somebody_who_has_left_is_looked_at() {
    use medicines::patients::PatientEvent;
    let reasons = |hospital: &Hospital| {
        let open = hospital.open_cases();
        let left = |(kind, reason): &&(CaseKind, String)| {
            *kind == CaseKind::BedsideDeviation && reason == "not-in-hospital"
        };
        open.iter().filter(left).count()
    };
    for (minutes, expected) in [(119, 0), (121, 1)] {
        let mut hospital = Hospital::new();
        hospital.order(medicines::orders::Control::New, "7001");
        hospital.vend(Some("7001"), 2);
        hospital.adt(PatientEvent::A03, ANNA, "V1", Some("WARDA"));
        hospital.now += SignedDuration::from_mins(minutes);
        hospital.give("7001", 2);
        assert_eq!(reasons(&hospital), expected, "{minutes} minutes after the discharge");
    }
}
