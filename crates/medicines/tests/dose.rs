//! What a dose is in units of what a cabinet holds, by the made-up release of dm+d.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use std::sync::Arc;

use fhir::types::{CodeableConcept, Identifier};
use hospital::*;
use medicines::cabinet::{RefusalCode, TransactionCode};
use medicines::orders::Control;
use medicines::{Item, Quantity, Request, Site};
use terminology::{Index, synthetic};

const DMD: &str = "https://dmd.nhs.uk";

fn index() -> Arc<Index> {
    Arc::new(synthetic::import().unwrap().index)
}

fn vmp(index: &Index, name: &str) -> u64 {
    index.vmps().find(|vmp| vmp.name() == name).expect(name).id()
}

fn vtm(index: &Index, name: &str) -> u64 {
    index.vtms().find(|vtm| vtm.name() == name).expect(name).id()
}

/// Items of the release, each with its code, its name in dm+d and its unit.
const ITEMS: [(&str, &str, &str); 7] = [
    ("PTAB", "Paracetamol 500mg tablets", "tablet"),
    ("PSUS", "Paracetamol 120mg/5ml oral suspension", "ml"),
    ("PSUP", "Paracetamol 500mg suppositories", "suppository"),
    ("COCO", "Co-codamol 500mg/30mg tablets", "tablet"),
    ("FUR20", "Furosemide 20mg tablets", "tablet"),
    ("FUR40", "Furosemide 40mg tablets", "tablet"),
    ("BOTTLE", "Paracetamol 250mg/5ml oral suspension", "bottle"),
];

fn site_with(index: &Index, change: impl FnOnce(&mut Vec<Item>)) -> Site {
    let mut site = site();
    let item = |(code, name, unit): &(&str, &str, &str)| {
        index.vmps().find(|vmp| vmp.name() == *name).map(|vmp| Item {
            code: (*code).into(),
            name: (*name).into(),
            unit: (*unit).into(),
            dmd: Some(vmp.id().to_string()),
            override_allowed: true,
            ..Item::default()
        })
    };
    site.items.extend(ITEMS.iter().filter_map(item));
    change(&mut site.items);
    site
}

fn hospital(change: impl FnOnce(&mut Vec<Item>)) -> Hospital {
    let index = index();
    let mut hospital = Hospital::new();
    hospital.ask(Request::Configure(Box::new(site_with(&index, change))));
    hospital.dictionary = Some(index);
    hospital
}

/// Orders a dose of a product of dm+d.
fn order(hospital: &mut Hospital, number: &str, product: u64, dose: &str, route: Option<&str>) {
    let mut message =
        order_message(hospital.now, ANNA, Control::New, number, "PARA500", Some("P1"));
    message.order.medication_codeable_concept =
        Some(CodeableConcept::of(DMD, &product.to_string(), None));
    let (value, unit) = dose.split_once(' ').unwrap();
    let dosage = &mut message.order.dosage_instruction[0];
    let quantity = dosage.dose_and_rate[0].dose_quantity.as_mut().unwrap();
    quantity.value = fhir::Decimal::parse(value).ok();
    quantity.unit = Some(unit.into());
    dosage.route = route.map(|route| CodeableConcept::of("urn:route", route, None));
    hospital.ask(Request::Orders(vec![message]));
}

#[track_caller]
fn check(
    product: &str,
    dose: &str,
    item: &str,
    units: &str,
    expected: Result<(), (RefusalCode, Option<&str>)>,
) {
    let mut hospital = hospital(|_| {});
    let index = hospital.dictionary.clone().unwrap();
    let found = index.vtms().find(|vtm| vtm.name() == product).map(|vtm| vtm.id());
    let (dose, route) = match dose.split_once(" by ") {
        Some((dose, route)) => (dose, Some(route)),
        None => (dose, None),
    };
    order(&mut hospital, "7001", found.unwrap_or_else(|| vmp(&index, product)), dose, route);
    let mut question = asked(item, 1);
    question.quantity = units.parse().unwrap();
    question.order = Some(Identifier::of(ORDER, "7001"));
    let answered = hospital.refusal_of(question).map_err(|refusal| (refusal.code, refusal.reason));
    let told = answered.as_ref().map_err(|(code, reason)| (*code, reason.as_deref()));
    assert_eq!(told.copied(), expected, "{product} {dose}: {units} of {item}");
}

#[test]
fn doses_come_to_units_or_to_a_reason() {
    use RefusalCode as R;
    check("Paracetamol", "1 g", "PTAB", "2", Ok(()));
    check("Paracetamol", "1 g by PO", "PTAB", "2", Ok(()));
    check("Paracetamol", "1 g", "PTAB", "3", Err((R::QuantityExceedsDose, None)));
    check("Paracetamol", "120 mg", "PSUS", "5", Ok(()));
    check("Paracetamol", "120 mg", "PSUS", "5.001", Err((R::QuantityExceedsDose, None)));
    check("Paracetamol", "1 g by PR", "PSUP", "2", Ok(()));
    let route = Err((R::ItemNotOfOrder, Some("route")));
    check("Paracetamol", "1 g by PR", "PTAB", "2", route);
    let part = Err((R::DoseNotComparable, Some("part-of-piece")));
    check("Paracetamol", "750 mg", "PTAB", "2", part);
    check("Paracetamol", "250 mg", "BOTTLE", "1", Err((R::DoseNotComparable, Some("unit"))));
    let other = Err((R::ItemNotOfOrder, None));
    check("Paracetamol 500mg tablets", "500 mg", "PSUS", "1", other);
    check("Furosemide", "500 mg", "PTAB", "1", other);
    check("Furosemide", "40 mg", "FUR40", "1", Ok(()));
    check("Furosemide", "40 mg", "FUR20", "2", Ok(()));
    let inexact = Err((R::DoseNotComparable, Some("not-exact")));
    check("Paracetamol", "100 mg", "PTAB", "1", part);
    check("Paracetamol 120mg/5ml oral suspension", "1 g", "PSUS", "5", inexact);
}

#[test]
fn several_that_fit_are_shown_and_one_is_taken() {
    let mut hospital = hospital(|_| {});
    let index = hospital.dictionary.clone().unwrap();
    order(&mut hospital, "7001", vtm(&index, "Furosemide"), "40 mg", Some("PO"));
    let question = |units: i64| {
        let mut question = asked("", units);
        question.order = Some(Identifier::of(ORDER, "7001"));
        question
    };
    let refusal = hospital.refusal_of(question(2)).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::AmbiguousItem);
    let shown: Vec<String> =
        refusal.choices.iter().map(|it| format!("{} {}", it.units, it.item)).collect();
    assert_eq!(shown, ["2 FUR20", "1 FUR40"]);
    // The cabinet holds one of them only.
    let mut load = transaction(TransactionCode::Load, hospital.now, 20);
    (load.item.code, load.patient, load.unit) = ("FUR20".into(), vec![], None);
    hospital.transact(load);
    let permit = hospital.remove_with(question(2)).unwrap();
    assert_eq!((permit.item.as_str(), permit.quantity), ("FUR20", 2.into()));
    assert_eq!(hospital.remove_with(asked("", 1)).unwrap_err(), RefusalCode::UnknownItem);
}

#[test]
fn a_maximum_counts_the_substance_in_whatever_it_came() {
    let limit = Quantity::new(4.into(), "g");
    let limited = |items: &mut Vec<Item>| {
        let item = items.iter_mut().find(|item| item.code == "PTAB").unwrap();
        item.maximum = Some(limit.clone());
    };
    let check = |suppositories: i64, combined: i64, tablets: i64, expected: Option<RefusalCode>| {
        let mut hospital = hospital(limited);
        let index = hospital.dictionary.clone().unwrap();
        // On no order at all: a reason was given.
        for (item, units) in [("PSUP", suppositories), ("COCO", combined)] {
            if units == 0 {
                continue;
            }
            let mut question = asked(item, units);
            question.override_reason = Some("in pain".into());
            hospital.remove_with(question).unwrap();
        }
        order(&mut hospital, "7001", vtm(&index, "Paracetamol"), "1 g", None);
        let mut question = asked("PTAB", tablets);
        question.order = Some(Identifier::of(ORDER, "7001"));
        let answered = hospital.remove_with(question);
        assert_eq!(answered.err(), expected, "{suppositories} {combined} {tablets}");
    };
    check(0, 0, 2, None);
    check(6, 0, 2, None);
    check(7, 0, 2, Some(RefusalCode::MaximumReached));
    check(7, 0, 1, None);
    check(4, 2, 2, None);
    check(4, 3, 2, Some(RefusalCode::MaximumReached));
    check(0, 7, 2, Some(RefusalCode::MaximumReached));
}

#[test]
fn half_an_ampoule_is_a_whole_one_to_take() {
    let mut hospital = Hospital::new();
    hospital.order_for(ANNA, Control::New, "7002", "MORPH10", Some("P1"));
    let mut change =
        order_message(hospital.now, ANNA, Control::Change, "7002", "MORPH10", Some("P1"));
    let quantity = &mut change.order.dosage_instruction[0].dose_and_rate[0].dose_quantity;
    quantity.as_mut().unwrap().value = fhir::Decimal::parse("5").ok();
    hospital.ask(Request::Orders(vec![change]));
    let mut question = asked("MORPH10", 1);
    question.witness = Some("N2".into());
    assert!(hospital.remove_with(question).is_ok());
}

#[test]
fn without_the_release_what_needs_it_is_refused() {
    let mut hospital = hospital(|_| {});
    let index = hospital.dictionary.take().unwrap();
    order(&mut hospital, "7001", vmp(&index, "Paracetamol 500mg tablets"), "1 g", None);
    let mut question = asked("PTAB", 2);
    question.order = Some(Identifier::of(ORDER, "7001"));
    let refusal = hospital.refusal_of(question).unwrap_err();
    let told = (refusal.code, refusal.reason.as_deref());
    assert_eq!(told, (RefusalCode::DoseNotComparable, Some("no-dictionary")));
}

#[test]
fn a_restart_forgets_nothing_that_doses_are_judged_by() {
    let limited = |items: &mut Vec<Item>| {
        let item = items.iter_mut().find(|item| item.code == "PTAB").unwrap();
        item.maximum = Some(Quantity::new(4.into(), "g"));
    };
    let mut hospital = hospital(limited);
    let index = hospital.dictionary.clone().unwrap();
    let mut question = asked("PSUP", 7);
    question.override_reason = Some("in pain".into());
    hospital.remove_with(question).unwrap();
    order(&mut hospital, "7001", vtm(&index, "Paracetamol"), "1 g", Some("PR"));
    let before = hospital.rows();
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.rows(), before);
    let ask = |hospital: &mut Hospital, item: &str, units: i64| {
        let mut question = asked(item, units);
        question.order = Some(Identifier::of(ORDER, "7001"));
        hospital.refusal_of(question).map_err(|refusal| (refusal.code, refusal.reason))
    };
    let by_route = Err((RefusalCode::ItemNotOfOrder, Some("route".to_owned())));
    assert_eq!(ask(&mut hospital, "PTAB", 2), by_route, "the route is still known");
    let most = Err((RefusalCode::MaximumReached, None));
    assert_eq!(ask(&mut hospital, "PSUP", 2), most, "what was taken is still known");
    assert_eq!(ask(&mut hospital, "PSUP", 1), Ok(()));
}

#[test]
fn a_taper_is_read_from_the_order() {
    use fhir::types::Period;
    let mut hospital = Hospital::new();
    let mut message =
        order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
    let first = message.order.dosage_instruction[0].clone();
    let step = |dose: &str, start: &str, end: &str| {
        let mut step = first.clone();
        let date = |text: &str| {
            let at = time(&format!("{text}:00"));
            Some(fhir::DateTime::at(at, &jiff::tz::TimeZone::UTC))
        };
        let period = Period { start: date(start), end: date(end) };
        let repeat = step.timing.as_mut().unwrap().repeat.as_mut().unwrap();
        repeat.bounds_period = Some(period);
        let quantity = step.dose_and_rate[0].dose_quantity.as_mut().unwrap();
        quantity.value = fhir::Decimal::parse(dose).ok();
        step
    };
    message.order.dosage_instruction =
        vec![step("1000", "08:00", "14:00"), step("500", "14:00", "20:00")];
    hospital.ask(Request::Orders(vec![message]));
    let mut hospital = hospital.restarted();
    assert!(hospital.at("08:30:00").remove(2).is_ok(), "the first step");
    assert_eq!(hospital.at("15:00:00").remove(2), Err(RefusalCode::QuantityExceedsDose));
    assert!(hospital.remove(1).is_ok(), "the second step");
    assert_eq!(hospital.at("20:00:01").remove(1), Err(RefusalCode::Stopped), "all steps are over");
}

#[test]
fn a_step_of_so_many_doses_ends_with_the_last_of_them() {
    let mut hospital = Hospital::new();
    let mut message =
        order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
    let first = message.order.dosage_instruction[0].clone();
    let step = |doses: Option<u32>, start: &str, end: &str| {
        let mut step = first.clone();
        let date = |text: &str| {
            let at = time(&format!("{text}:00"));
            Some(fhir::DateTime::at(at, &jiff::tz::TimeZone::UTC))
        };
        let repeat = step.timing.as_mut().unwrap().repeat.as_mut().unwrap();
        repeat.bounds_period = Some(fhir::types::Period { start: date(start), end: date(end) });
        repeat.count = doses;
        let mut half = step.clone();
        if doses.is_none() {
            let quantity = half.dose_and_rate[0].dose_quantity.as_mut().unwrap();
            quantity.value = fhir::Decimal::parse("500").ok();
        }
        half
    };
    message.order.dosage_instruction =
        vec![step(Some(1), "08:00", "14:00"), step(None, "14:00", "20:00")];
    hospital.ask(Request::Orders(vec![message]));
    assert!(hospital.at("08:10:00").remove(2).is_ok(), "the loading dose");
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.at("13:50:00").remove(2), Err(RefusalCode::CourseOver), "once");
    assert!(hospital.at("14:30:00").remove(1).is_ok(), "the next step has doses of its own");
}
