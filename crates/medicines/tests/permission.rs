//! May this be taken? Every refusal has an example.

mod hospital;

use fhir::types::Identifier;
use hospital::*;
use medicines::Fact;
use medicines::cabinet::{Asked, RefusalCode};
use medicines::cases::CaseKind;
use medicines::orders::Control;
use medicines::patients::PatientEvent;

/// Anna has a live order for paracetamol; `prepare` changes the world, `change` the question.
fn check(
    prepare: impl FnOnce(&mut Hospital),
    change: impl FnOnce(&mut Asked),
    expected: Result<(), RefusalCode>,
) {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:30:00");
    prepare(&mut hospital);
    let mut question = asked("PARA500", 2);
    change(&mut question);
    let answered = hospital.remove_with(question);
    assert_eq!(answered.as_ref().map(|_| ()).map_err(|code| *code), expected);
    let refused = hospital.facts.iter().filter(|fact| matches!(fact, Fact::Refused(_))).count();
    assert_eq!(refused, usize::from(expected.is_err()), "a refusal is kept, a permit is not one");
}

fn nothing(_: &mut Hospital) {}

#[test]
fn the_question_itself() {
    check(nothing, |_| {}, Ok(()));
    check(nothing, |a| a.order = Some(Identifier::of(ORDER, "7001")), Ok(()));
    check(nothing, |a| a.cabinet = "ADC/NONE".into(), Err(RefusalCode::UnknownCabinet));
    check(nothing, |a| a.item = "NONE".into(), Err(RefusalCode::UnknownItem));
    check(nothing, |a| a.quantity = 0.into(), Err(RefusalCode::BadQuantity));
    check(nothing, |a| a.quantity = (-1).into(), Err(RefusalCode::BadQuantity));
    check(nothing, |a| a.quantity = "0.0001".parse().unwrap(), Err(RefusalCode::BadQuantity));
    check(nothing, |a| a.user = "HCA".into(), Err(RefusalCode::UserNotAllowed));
    check(nothing, |a| a.user = "NOBODY".into(), Err(RefusalCode::UserNotAllowed));
    let bela = |a: &mut Asked| a.patient = vec![Identifier::of(NHS, BELA)];
    check(nothing, bela, Err(RefusalCode::UnknownPatient));
    check(nothing, |a| a.quantity = 3.into(), Err(RefusalCode::QuantityExceedsDose));
}

#[test]
fn the_place() {
    check(nothing, |a| a.cabinet = "ADC/WARDB1".into(), Err(RefusalCode::WrongLocation));
    let moved = |h: &mut Hospital| {
        h.adt(PatientEvent::A02, ANNA, "V1", Some("WARDB"));
    };
    check(moved, |_| {}, Err(RefusalCode::WrongLocation));
    check(moved, |a| a.cabinet = "ADC/WARDB1".into(), Ok(()));
    let gone = |h: &mut Hospital| {
        h.adt(PatientEvent::A03, ANNA, "V1", Some("WARDA"));
    };
    check(gone, |_| {}, Ok(()));
    let long_gone = |h: &mut Hospital| {
        h.adt(PatientEvent::A03, ANNA, "V1", Some("WARDA"));
        h.at("10:30:00");
    };
    check(long_gone, |_| {}, Err(RefusalCode::WrongPatient));
}

#[test]
fn the_order() {
    let then = |control| {
        move |h: &mut Hospital| {
            h.order(control, "7001");
        }
    };
    check(then(Control::Hold), |_| {}, Err(RefusalCode::OnHold));
    check(then(Control::Stop), |_| {}, Err(RefusalCode::NoLiveOrder));
    let by_number = |a: &mut Asked| a.order = Some(Identifier::of(ORDER, "7001"));
    check(then(Control::Stop), by_number, Err(RefusalCode::Stopped));
    check(then(Control::Cancel), by_number, Err(RefusalCode::Stopped));
    let resumed = |h: &mut Hospital| {
        h.order(Control::Hold, "7001");
        h.order(Control::Resume, "7001");
    };
    check(resumed, |_| {}, Ok(()));
    let changed = |h: &mut Hospital| {
        h.order_for(ANNA, Control::Change, "7001", "PARA500", None);
    };
    check(changed, |_| {}, Err(RefusalCode::NotVerified));
    let second = |h: &mut Hospital| {
        h.order(Control::New, "7002");
    };
    check(second, |_| {}, Err(RefusalCode::AmbiguousOrder));
    check(second, by_number, Ok(()));
    let unknown = |a: &mut Asked| a.order = Some(Identifier::of(ORDER, "7999"));
    check(nothing, unknown, Err(RefusalCode::NoLiveOrder));
    let elses = |h: &mut Hospital| {
        h.admit(BELA, "V2", "WARDA");
        h.order_for(BELA, Control::New, "8001", "PARA500", Some("P1"));
    };
    let theirs = |a: &mut Asked| a.order = Some(Identifier::of(ORDER, "8001"));
    check(elses, theirs, Err(RefusalCode::WrongPatient));
    let potassium = |a: &mut Asked| {
        a.item = "POTCHL".into();
        a.order = Some(Identifier::of(ORDER, "7001"));
    };
    check(nothing, potassium, Err(RefusalCode::ItemNotOfOrder));
    check(nothing, |a| a.item = "POTCHL".into(), Err(RefusalCode::NoLiveOrder));
    let taken = |h: &mut Hospital| {
        h.vend(Some("7001"), 2);
    };
    check(taken, |_| {}, Err(RefusalCode::TooEarly));
}

#[test]
fn the_witness() {
    let morphine = |h: &mut Hospital| {
        h.order_for(ANNA, Control::New, "7002", "MORPH10", Some("P1"));
    };
    let with = |witness: Option<&'static str>| {
        move |a: &mut Asked| {
            (a.item, a.quantity) = ("MORPH10".into(), 1.into());
            a.witness = witness.map(str::to_owned);
        }
    };
    check(morphine, with(None), Err(RefusalCode::WitnessNeeded));
    check(morphine, with(Some("N1")), Err(RefusalCode::WitnessNeeded));
    check(morphine, with(Some("HCA")), Err(RefusalCode::WitnessNeeded));
    check(morphine, with(Some("N2")), Ok(()));
}

#[test]
fn an_override_needs_a_reason_and_opens_a_case() {
    let held = |h: &mut Hospital| {
        h.order(Control::Hold, "7001");
    };
    let why = |a: &mut Asked| a.override_reason = Some("in pain, prescriber called".into());
    check(held, why, Ok(()));
    check(held, |a| a.override_reason = Some("  ".into()), Err(RefusalCode::OnHold));
    let potassium = |a: &mut Asked| {
        a.item = "POTCHL".into();
        a.override_reason = Some("urgent".into());
    };
    check(nothing, potassium, Err(RefusalCode::OverrideNotAllowed));

    let mut hospital = Hospital::new();
    let mut question = asked("PARA500", 2);
    question.override_reason = Some("in pain".into());
    let permit = hospital.remove_with(question).unwrap();
    assert!(permit.order.is_none() && permit.case.is_some());
    assert_eq!(hospital.open_cases(), [(CaseKind::Override, "override".to_owned())]);
    hospital.at("08:05:00").tick();
    assert_eq!(hospital.open_cases(), [], "what was never taken needs no review");
}

#[test]
fn a_reason_does_not_excuse_another_patients_order() {
    let mut hospital = Hospital::new();
    hospital.admit(BELA, "V2", "WARDA");
    hospital.order_for(BELA, Control::New, "8001", "PARA500", Some("P1"));
    let mut question = asked("PARA500", 2);
    question.order = Some(Identifier::of(ORDER, "8001"));
    question.override_reason = Some("urgent".into());
    assert_eq!(hospital.remove_with(question), Err(RefusalCode::WrongPatient));
}
