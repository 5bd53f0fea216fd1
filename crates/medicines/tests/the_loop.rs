//! One order, one cabinet, one dose: the loop closes, or a case stays open.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::ResourceType;
use hospital::*;
use medicines::cabinet::{Bin, RefusalCode, TransactionCode};
use medicines::cases::CaseKind;
use medicines::deliveries::{Delivery, DeliveryState, Outcome};
use medicines::orders::Control;
use medicines::patients::PatientEvent;
use medicines::{Answer, Fact, Request};
use rust_decimal::Decimal;

fn dec(value: i64) -> Decimal {
    Decimal::from(value)
}

#[test]
fn an_order_is_asked_for_taken_and_given() {
    let mut hospital = Hospital::new();
    assert_eq!(hospital.order(Control::New, "7001"), Answer::Done);
    let permit = hospital.at("08:10:00").remove(2).unwrap();
    assert_eq!((permit.quantity, permit.unit.as_str()), (dec(2), "tablet"));
    assert_eq!(hospital.balance("hands"), dec(0), "a permit moves nothing");
    hospital.at("08:10:30").vend(Some("7001"), 2);
    assert_eq!(hospital.balance("hands"), dec(2));
    assert_eq!(hospital.balance("pocket"), dec(98));
    assert!(
        matches!(hospital.at("08:15:00").give("7001", 2), Answer::Created(ids) if ids.len() == 1)
    );
    assert_eq!(hospital.balance("hands"), dec(0));
    assert_eq!(hospital.balance("patient"), dec(2));
    assert_eq!(hospital.open_cases(), []);
    assert_eq!(hospital.queued("to-a"), ["A01", "New v1"]);
    assert_eq!(hospital.queued("to-epma"), ["dispense", "administration"]);
    let dispenses = hospital.stored(ResourceType::MedicationDispense);
    assert_eq!(dispenses[0].id, permit.id, "the dispense is the permit's");
    hospital.at("10:00:00").tick();
    assert_eq!(hospital.open_cases(), [], "an accounted dose is not chased");
}

#[test]
fn what_the_epma_says_itself_is_not_told_to_it_again() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.vend(Some("7001"), 2);
    hospital.from("epma").give("7001", 2);
    assert_eq!(hospital.queued("to-epma"), ["dispense"]);
}

#[test]
fn units_that_nobody_accounts_for_open_a_case_that_the_dose_closes() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").vend(Some("7001"), 2);
    hospital.at("09:09:59").tick();
    assert_eq!(hospital.open_cases(), []);
    hospital.at("09:10:00").tick();
    let unaccounted = (CaseKind::UnaccountedDose, "not-accounted-for".to_owned());
    assert_eq!(hospital.open_cases(), std::slice::from_ref(&unaccounted));
    hospital.at("09:20:00").tick();
    assert_eq!(hospital.open_cases().len(), 1, "a case opens once");
    hospital.give("7001", 1);
    assert_eq!(hospital.open_cases(), [unaccounted], "one of two is still out");
    let mut waste = transaction(TransactionCode::Waste, hospital.now, 1);
    waste.order = None;
    hospital.transact(waste);
    assert_eq!(hospital.open_cases(), []);
    assert_eq!(hospital.balance("waste"), dec(1));
}

#[test]
fn a_permit_that_is_not_used_lapses_and_can_be_asked_for_again() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").remove(2).unwrap();
    assert_eq!(hospital.remove(2), Err(RefusalCode::TooEarly), "the permit is reserved");
    hospital.at("08:12:00").tick();
    assert!(hospital.remove(2).is_ok());
}

#[test]
fn nothing_taken_gives_the_permit_back() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").remove(2).unwrap();
    hospital.transact(transaction(TransactionCode::Null, time("08:10:20"), 0));
    assert!(hospital.remove(2).is_ok());
}

#[test]
fn what_came_back_can_be_taken_again() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").vend(Some("7001"), 2);
    let mut back = transaction(TransactionCode::Return, time("08:20:00"), 2);
    back.bin = Bin::Return;
    hospital.at("08:20:00").transact(back);
    assert_eq!(hospital.balance("return-bin"), dec(2));
    assert_eq!(hospital.open_cases(), []);
    assert!(hospital.remove(2).is_ok());
}

/// Parts of a removal come back after the order has ended: nothing is left in hands, the case about
/// it closes, and what counts on the order is what stayed out, once.
fn check_parts(unit: &str, course: u32, taken: i64, back: &[(i64, &str)]) {
    let mut hospital = Hospital::new();
    let mut message =
        order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
    let dosage = &mut message.order.dosage_instruction[0];
    let dose = dosage.dose_and_rate[0].dose_quantity.as_mut().unwrap();
    dose.unit = Some(unit.into());
    let repeat = dosage.timing.as_mut().unwrap().repeat.as_mut().unwrap();
    repeat.count = Some(course);
    hospital.ask(Request::Orders(vec![message]));
    hospital.at("08:10:00").vend(Some("7001"), taken);
    hospital.at("09:30:00").tick();
    hospital.order(Control::Stop, "7001");
    let open = |hospital: &Hospital| {
        let cases = hospital.open_cases().into_iter();
        cases.filter(|(kind, _)| *kind == CaseKind::UnaccountedDose).count()
    };
    assert_eq!(open(&hospital), 1, "{unit}");
    for (n, (units, total)) in back.iter().enumerate() {
        hospital = hospital.restarted();
        hospital.at(&format!("10:0{n}:00"));
        let mut told = transaction(TransactionCode::Return, hospital.now, *units);
        told.bin = Bin::Return;
        hospital.transact(told);
        let number = format!("{ORDER}|7001");
        let order = hospital.state.order_by(&number).unwrap();
        assert_eq!(order.total, total.parse().unwrap(), "{unit}: return {n} of {back:?}");
    }
    let returned: i64 = back.iter().map(|(units, _)| units).sum();
    assert_eq!(hospital.balance("hands"), dec(taken - returned), "{unit}: {back:?}");
    assert_eq!(open(&hospital), usize::from(returned < taken), "{unit}: {back:?}");
}

#[test]
fn parts_that_come_back_after_the_course_count_once() {
    // Two tablets are one dose of 1000 mg.
    check_parts("mg", 1, 2, &[(1, "0.5"), (1, "0")]);
    check_parts("mg", 2, 2, &[(2, "0")]);
    // Nobody can say how many tablets one dose is, or more than one dose was taken: it counts once
    // until all of it is back.
    check_parts("ml", 1, 4, &[(1, "1"), (1, "1"), (2, "0")]);
    check_parts("ml", 2, 4, &[(4, "0")]);
    check_parts("ml", 2, 4, &[(1, "1"), (1, "1")]);
    check_parts("mg", 2, 4, &[(3, "1"), (1, "0")]);
}

/// What a removal after the fact leads to, by the order as it was at the time.
fn after_the_fact(prepare: impl FnOnce(&mut Hospital), number: Option<&str>, reason: Option<&str>) {
    let mut hospital = Hospital::new();
    prepare(&mut hospital);
    hospital.at("10:00:00").vend(number, 2);
    let expected: Vec<_> =
        reason.map(|r| (CaseKind::DispensedWithoutOrder, r.to_owned())).into_iter().collect();
    assert_eq!(hospital.open_cases(), expected);
    assert_eq!(hospital.balance("hands"), dec(2), "what left has left");
    assert_eq!(hospital.stored(ResourceType::MedicationDispense).len(), 1);
}

#[test]
fn a_removal_without_a_live_order_opens_a_case() {
    let place = |h: &mut Hospital| {
        h.order(Control::New, "7001");
    };
    after_the_fact(place, Some("7001"), None);
    after_the_fact(place, None, Some("no-order"));
    after_the_fact(place, Some("7999"), Some("unknown-order"));
    let then = |control| {
        move |h: &mut Hospital| {
            h.order(Control::New, "7001");
            h.at("09:00:00").order(control, "7001");
        }
    };
    after_the_fact(then(Control::Hold), Some("7001"), Some("on-hold"));
    after_the_fact(then(Control::Stop), Some("7001"), Some("stopped"));
    after_the_fact(then(Control::Cancel), Some("7001"), Some("stopped"));
    let unverified = |h: &mut Hospital| {
        h.order_for(ANNA, Control::New, "7001", "PARA500", None);
    };
    after_the_fact(unverified, Some("7001"), Some("not-verified"));
    let other_item = |h: &mut Hospital| {
        h.order_for(ANNA, Control::New, "7001", "MORPH10", Some("P1"));
    };
    after_the_fact(other_item, Some("7001"), Some("item-not-of-order"));
    let other_patient = |h: &mut Hospital| {
        h.admit(BELA, "V2", "WARDA");
        h.order_for(BELA, Control::New, "7001", "PARA500", Some("P1"));
    };
    after_the_fact(other_patient, Some("7001"), Some("order-of-another-patient"));
}

#[test]
fn a_late_removal_is_judged_by_the_order_as_it_was() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("09:00:00").order(Control::Stop, "7001");
    let mut vend = transaction(TransactionCode::Vend, time("08:30:00"), 2);
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7001"));
    hospital.at("11:00:00").transact(vend);
    assert_eq!(hospital.open_cases(), []);
}

#[test]
fn a_dose_without_a_removal_opens_a_case() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.give("7001", 2);
    let expected = (CaseKind::UnmatchedTransaction, "administration-without-removal".to_owned());
    assert_eq!(hospital.open_cases(), [expected]);
}

#[test]
fn a_removal_told_after_its_dose_explains_it() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").give("7001", 2);
    assert_eq!(hospital.open_cases().len(), 1);
    let mut vend = transaction(TransactionCode::Vend, time("08:20:00"), 1);
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7001"));
    hospital.at("10:00:00").transact(vend.clone());
    assert_eq!(hospital.open_cases().len(), 1, "one unit still has no removal");
    assert_eq!((hospital.balance("hands"), hospital.balance("patient")), (dec(0), dec(1)));
    vend.activity = time("08:21:00");
    hospital.at("10:01:00").transact(vend.clone());
    assert_eq!(hospital.open_cases(), []);
    assert_eq!((hospital.balance("hands"), hospital.balance("patient")), (dec(0), dec(2)));
    hospital.at("12:00:00").tick();
    assert_eq!(hospital.open_cases(), [], "nothing is left to account for");
}

#[test]
fn a_removal_after_the_dose_does_not_explain_it() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").give("7001", 2);
    hospital.at("08:40:00").vend(Some("7001"), 2);
    let reasons: std::collections::BTreeSet<_> =
        hospital.open_cases().into_iter().map(|(_, reason)| reason).collect();
    assert!(reasons.iter().eq(["administration-without-removal", "too-early"]), "{reasons:?}");
    assert_eq!(hospital.balance("hands"), dec(2));
}

#[test]
fn a_dose_without_a_removal_counts_on_its_order_until_its_removal_is_told() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").give("7001", 2);
    assert_eq!(hospital.at("08:40:00").remove(2), Err(RefusalCode::TooEarly));
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.remove(2), Err(RefusalCode::TooEarly));
    let mut vend = transaction(TransactionCode::Vend, time("08:20:00"), 2);
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7001"));
    hospital.at("08:50:00").transact(vend);
    assert_eq!(hospital.open_cases(), [], "the dose is not held against its own removal");
    let order = hospital.state.order_by(&format!("{ORDER}|7001")).unwrap();
    assert_eq!((order.taken.len(), order.total), (1, dec(1)), "it counts once");
    assert_eq!(hospital.at("09:00:00").remove(2), Err(RefusalCode::TooEarly));
    assert!(hospital.at("14:30:00").remove(2).is_ok());
}

/// How many doses count on the order.
fn counted(hospital: &mut Hospital) -> Decimal {
    hospital.state.order_by(&format!("{ORDER}|7001")).expect("the order").total
}

#[test]
fn a_part_of_a_dose_that_no_removal_explains_counts_as_the_part() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:20:00").vend(Some("7001"), 1);
    hospital.at("08:30:00").give("7001", 2);
    assert_eq!(hospital.open_cases().len(), 1);
    assert_eq!(counted(&mut hospital), dec(1));
    hospital.at("16:30:00").give("7001", 4);
    assert_eq!(counted(&mut hospital), dec(3), "twice the dose is two");
}

#[test]
fn a_removal_on_no_order_does_not_take_a_dose_off_its_order() {
    for units in [2, 1] {
        let mut hospital = Hospital::new();
        hospital.order(Control::New, "7001");
        hospital.at("08:30:00").give("7001", 2);
        let vend = transaction(TransactionCode::Vend, time("08:20:00"), units);
        hospital.at("08:50:00").transact(vend);
        let unexplained = hospital.state.open_cases().filter(|case| case.quantity.is_some());
        let left: Decimal = unexplained
            .filter(|case| case.reason == "administration-without-removal")
            .filter_map(|case| case.quantity)
            .sum();
        assert_eq!(left, dec(2 - units), "what was taken is where it went");
        assert_eq!(counted(&mut hospital), dec(1));
        assert_eq!(hospital.at("09:00:00").remove(2), Err(RefusalCode::TooEarly));
        let mut hospital = hospital.restarted();
        assert_eq!(counted(&mut hospital), dec(1));
    }
}

#[test]
fn nobody_takes_a_dose_off_its_order_by_a_word() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").give("7001", 2);
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let settle = |by: &str| {
        let (case, by, resolution) = (case.clone(), by.to_owned(), "removal-found".to_owned());
        Request::Resolve(medicines::cases::Resolution { case, by, resolution })
    };
    let refused = hospital.ask(settle("interlock"));
    assert!(matches!(refused, Answer::Parked(_)), "{refused:?}");
    assert_eq!(hospital.ask(settle("N2")), Answer::Done);
    assert_eq!(hospital.open_cases(), []);
    assert_eq!(counted(&mut hospital), dec(1));
    assert_eq!(hospital.at("08:40:00").remove(2), Err(RefusalCode::TooEarly));
}

#[test]
fn a_count_that_differs_is_posted_and_opens_a_case() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").vend(Some("7001"), 2);
    let mut count = transaction(TransactionCode::Count, time("08:20:00"), 0);
    count.actual = Some(dec(98));
    hospital.at("08:20:00").transact(count.clone());
    assert_eq!(hospital.open_cases(), []);
    count.actual = Some(dec(95));
    count.activity = time("08:30:00");
    hospital.at("08:30:00").transact(count);
    assert_eq!(hospital.open_cases(), [(CaseKind::Discrepancy, "count-differs".to_owned())]);
    assert_eq!(hospital.balance("pocket"), dec(95));
    assert_eq!(hospital.balance("discrepancy"), dec(3));
}

#[test]
fn a_removal_told_after_a_later_count_explains_what_the_count_found() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let mut count = transaction(TransactionCode::Count, time("08:20:00"), 0);
    count.actual = Some(dec(100));
    hospital.at("08:20:00").transact(count.clone());
    count.actual = Some(dec(98));
    count.activity = time("08:40:00");
    hospital.at("08:40:00").transact(count);
    assert_eq!(hospital.balance("discrepancy"), dec(2));
    let mut vend = transaction(TransactionCode::Vend, time("08:30:00"), 2);
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7001"));
    hospital.at("08:50:00").transact(vend);
    assert_eq!(hospital.balance("pocket"), dec(98), "the count saw it already");
    assert_eq!(hospital.balance("discrepancy"), dec(0));
    assert_eq!(hospital.balance("hands"), dec(2));
}

#[test]
fn stock_put_in_and_taken_off_comes_from_the_pharmacy() {
    let mut hospital = Hospital::new();
    let mut load = transaction(TransactionCode::Load, time("08:10:00"), 50);
    (load.expected, load.patient) = (None, vec![]);
    hospital.transact(load);
    assert_eq!(hospital.balance("pocket"), dec(50));
    hospital.transact(transaction(TransactionCode::Fill, time("08:20:00"), 30));
    assert_eq!(hospital.balance("pocket"), dec(80));
    hospital.transact(transaction(TransactionCode::Expired, time("08:30:00"), 5));
    assert_eq!((hospital.balance("pocket"), hospital.balance("expired")), (dec(75), dec(5)));
    hospital.transact(transaction(TransactionCode::Unload, time("08:40:00"), 0));
    assert_eq!(hospital.balance("pocket"), dec(0));
    assert_eq!(hospital.balance("pharmacy"), dec(-5));
}

#[test]
fn a_restart_changes_nothing() {
    let mut before = Hospital::new();
    before.order(Control::New, "7001");
    before.at("08:10:00").vend(Some("7001"), 2);
    let mut after = before.restarted();
    assert_eq!(after.at("08:30:00").remove(2), Err(RefusalCode::TooEarly));
    after.at("09:10:00").tick();
    assert_eq!(after.open_cases().len(), 1, "what was due is still due");
    after.give("7001", 2);
    assert_eq!(after.open_cases(), []);
    assert_eq!(after.balance("hands"), dec(0));
}

#[test]
fn an_absurd_amount_is_parked_and_harms_nothing() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let most = Decimal::MAX;
    for change in [
        |t: &mut medicines::cabinet::Transaction, most| t.amount = Some(most),
        |t: &mut medicines::cabinet::Transaction, most| t.expected = Some(most),
        |t: &mut medicines::cabinet::Transaction, most| t.actual = Some(most),
    ] {
        let mut vend = transaction(TransactionCode::Vend, hospital.now, 2);
        change(&mut vend, most);
        assert_eq!(hospital.transact(vend).code(), "parked");
    }
    assert_eq!(hospital.balance("pocket"), dec(0));
    let mut question = asked("PARA500", 1);
    question.quantity = most;
    assert_eq!(hospital.remove_with(question), Err(RefusalCode::BadQuantity));
    let mut given = administration(hospital.now, "7001", 1);
    given.quantity.value = most;
    assert_eq!(hospital.ask(Request::Administer(vec![given])).code(), "parked");
}

#[test]
fn two_doses_of_one_message_use_two_removals() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").vend(Some("7001"), 1);
    hospital.at("08:11:00").vend(Some("7001"), 1);
    let dose = administration(time("08:20:00"), "7001", 1);
    hospital.at("08:20:00").ask(Request::Administer(vec![dose.clone(), dose.clone()]));
    assert_eq!((hospital.balance("hands"), hospital.open_cases()), (dec(0), vec![]));
    hospital.ask(Request::Administer(vec![dose]));
    assert_eq!(hospital.open_cases().len(), 1, "a third dose has no removal");
}

#[test]
fn settling_an_unaccounted_dose_takes_the_units_out_of_the_hands() {
    use medicines::cases::Resolution;
    for (word, account) in [("wasted", "waste"), ("found on the trolley", "discrepancy")] {
        let mut hospital = Hospital::new();
        hospital.order(Control::New, "7001");
        hospital.at("08:10:00").vend(Some("7001"), 2);
        hospital.at("09:10:00").tick();
        let case = hospital.state.open_cases().next().unwrap().id.clone();
        let resolution = Resolution { case, by: "N2".into(), resolution: word.into() };
        hospital.ask(Request::Resolve(resolution));
        assert_eq!(hospital.open_cases(), []);
        assert_eq!((hospital.balance("hands"), hospital.balance(account)), (dec(0), dec(2)));
    }
}

#[test]
fn a_removal_told_afterwards_is_judged_as_one_asked_for() {
    let told = |change: fn(&mut medicines::cabinet::Transaction), item: &str| {
        let mut hospital = Hospital::new();
        hospital.order_for(ANNA, Control::New, "7001", item, Some("P1"));
        let mut vend = transaction(TransactionCode::Vend, time("08:10:00"), 1);
        vend.item.code = item.into();
        vend.unit = None;
        vend.order = Some(fhir::types::Identifier::of(ORDER, "7001"));
        change(&mut vend);
        hospital.at("08:10:00").transact(vend);
        hospital.open_cases().into_iter().map(|(_, reason)| reason).collect::<Vec<_>>()
    };
    assert_eq!(told(|_| {}, "PARA500"), [""; 0]);
    assert_eq!(told(|vend| vend.user.id = "HCA".into(), "PARA500"), ["user-not-allowed"]);
    assert_eq!(told(|vend| vend.station = "WARDB1".into(), "PARA500"), ["wrong-location"]);
    assert_eq!(told(|_| {}, "MORPH10"), ["witness-needed"]);
    let seen = |vend: &mut medicines::cabinet::Transaction| {
        vend.witness = Some(medicines::cabinet::Staff { id: "N2".into(), name: String::new() });
    };
    assert_eq!(told(seen, "MORPH10"), [""; 0]);
}

#[test]
fn nobody_uses_the_permit_of_another() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let permit = hospital.at("08:10:00").remove(2).unwrap();
    let mut vend = transaction(TransactionCode::Vend, time("08:10:20"), 2);
    vend.user.id = "N2".into();
    hospital.at("08:10:20").transact(vend);
    assert_eq!(hospital.open_cases().len(), 1, "it is judged by itself");
    assert!(hospital.state.removal(&permit.id).unwrap().is_permit(), "the permit is still there");
}

#[test]
fn only_who_may_settles_a_case_and_who_may_not_gives_with_a_case() {
    use medicines::cases::Resolution;
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.vend(None, 2);
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let resolve = |by: &str| {
        let (case, by) = (case.clone(), by.to_owned());
        Request::Resolve(Resolution { case, by, resolution: "seen".into() })
    };
    let refused = hospital.ask(resolve("HCA"));
    assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
    assert_eq!(hospital.open_cases().len(), 1);
    assert_eq!(hospital.ask(resolve("N1")), Answer::Done);
    let mut given = administration(hospital.now, "7001", 2);
    given.performer = "HCA".into();
    hospital.ask(Request::Administer(vec![given]));
    let case = (CaseKind::BedsideDeviation, "user-not-allowed".to_owned());
    assert_eq!(hospital.open_cases(), [case]);
}

/// The cases after the cabinet of ward A has refused the last message that it was told.
fn refused(hospital: &mut Hospital, codes: &str) -> Vec<(CaseKind, String)> {
    let told = hospital.facts.iter().rev().find_map(|fact| match fact {
        Fact::Queued(delivery) if &*delivery.channel == "to-a" => Some(Delivery::clone(delivery)),
        _ => None,
    });
    let last = hospital.queued("to-a").pop();
    assert!(matches!(last.as_deref(), Some("Hold v2" | "New v1" | "A03" | "Stop v2")), "{last:?}");
    let Some(delivery) = told else { panic!("nothing was told") };
    let outcome = Outcome {
        channel: "to-a".into(),
        delivery,
        state: DeliveryState::Refused,
        ahead: true,
        held: false,
        detail: Some(codes.to_owned()),
    };
    hospital.ask(Request::Delivered(outcome));
    hospital.open_cases()
}

#[test]
fn a_cabinet_that_has_let_a_patient_go_needs_nobody_when_it_refuses_a_hold() {
    let leave = |codes: &str, event, ward| {
        let mut hospital = Hospital::new();
        hospital.order(Control::New, "7001");
        hospital.at("08:30:00").adt(event, ANNA, "V1", ward);
        hospital.at("08:40:00").order(Control::Hold, "7001");
        refused(&mut hospital, codes)
    };
    let case = |codes: &str| vec![(CaseKind::RefusedDelivery, codes.to_owned())];
    assert_eq!(leave("AE 204", PatientEvent::A03, None), []);
    // It says nothing of an unknown patient, or it should know this one.
    assert_eq!(leave("AE 101", PatientEvent::A03, None), case("AE 101"));
    assert_eq!(leave("AE", PatientEvent::A03, None), case("AE"));
    assert_eq!(leave("AE 207 204", PatientEvent::A03, None), case("AE 207 204"));
    assert_eq!(leave("AE 204", PatientEvent::A08, Some("WARDA")), case("AE 204"));
    // The leave itself, and an end, would leave the order on its list.
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").adt(PatientEvent::A03, ANNA, "V1", None);
    assert_eq!(refused(&mut hospital, "AE 204"), case("AE 204"));
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00").adt(PatientEvent::A03, ANNA, "V1", None);
    hospital.at("08:40:00").order(Control::Stop, "7001");
    assert_eq!(refused(&mut hospital, "AE 204"), case("AE 204"));
    // What it is to take onto its list, it has to take.
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    assert_eq!(refused(&mut hospital, "AE 204"), case("AE 204"));
}
