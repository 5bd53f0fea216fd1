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

/// The same with another configuration from the start.
fn check_with(
    configure: impl FnOnce(&mut medicines::Site),
    prepare: impl FnOnce(&mut Hospital),
    change: impl FnOnce(&mut Asked),
    expected: Result<(), RefusalCode>,
) {
    let configured = |hospital: &mut Hospital| {
        let mut site = site();
        configure(&mut site);
        hospital.ask(medicines::Request::Configure(Box::new(site)));
        prepare(hospital);
    };
    check(configured, change, expected);
}

#[test]
fn training() {
    let needs = |site: &mut medicines::Site| site.items[0].training = Some("iv".into());
    check_with(needs, nothing, |_| {}, Err(RefusalCode::UserNotTrained));
    let has = |site: &mut medicines::Site| {
        needs(site);
        site.people[0].training = vec!["iv".into()];
    };
    check_with(has, nothing, |_| {}, Ok(()));
}

#[test]
fn restricted_items_leave_for_their_wards_with_a_witness_and_an_order() {
    let restricted = |ward: &'static str| {
        move |site: &mut medicines::Site| {
            site.items[0].restricted_to = vec![ward.into()];
            site.items[0].override_allowed = true;
        }
    };
    let seen = |a: &mut Asked| a.witness = Some("N2".into());
    check_with(restricted("WARDA"), nothing, seen, Ok(()));
    check_with(restricted("WARDA"), nothing, |_| {}, Err(RefusalCode::WitnessNeeded));
    check_with(restricted("WARDB"), nothing, seen, Err(RefusalCode::RestrictedItem));
    let held = |h: &mut Hospital| {
        h.order(Control::Hold, "7001");
    };
    let why = |a: &mut Asked| {
        seen(a);
        a.override_reason = Some("arrest".into());
    };
    check_with(restricted("WARDA"), held, why, Err(RefusalCode::OverrideNotAllowed));
}

#[test]
fn overrides_by_ward_and_status() {
    let held = |h: &mut Hospital| {
        h.order(Control::Hold, "7001");
    };
    let why = |a: &mut Asked| a.override_reason = Some("in pain".into());
    let of = |ward: &'static str| {
        move |site: &mut medicines::Site| site.items[0].override_areas = vec![ward.into()]
    };
    check_with(of("WARDA"), held, why, Ok(()));
    check_with(of("WARDB"), held, why, Err(RefusalCode::OverrideNotAllowed));
    let not_ours = |site: &mut medicines::Site| {
        site.items[0].status = medicines::formulary::Status::NonFormulary;
    };
    check_with(not_ours, held, why, Err(RefusalCode::OverrideNotAllowed));
    check_with(not_ours, nothing, |_| {}, Ok(()));
}

#[test]
fn expiry_of_the_pack() {
    let on = |day: i8| move |a: &mut Asked| a.expiry = Some(jiff::civil::date(2026, 11, day));
    check(nothing, on(20), Ok(()));
    check(nothing, on(19), Err(RefusalCode::Expired));
}

#[test]
fn the_age_of_what_the_prescriber_said() {
    let valid = |hours| move |site: &mut medicines::Site| site.policies.order_valid_h = hours;
    let at = |text: &'static str| {
        move |h: &mut Hospital| {
            h.at(text);
        }
    };
    check_with(valid(4), at("12:00:00"), |_| {}, Ok(()));
    check_with(valid(4), at("12:00:01"), |_| {}, Err(RefusalCode::OrderTooOld));
    let silent = |min| move |site: &mut medicines::Site| site.policies.prescriber_silent_min = min;
    check_with(silent(60), at("09:00:00"), |_| {}, Ok(()));
    check_with(silent(60), at("09:00:01"), |_| {}, Err(RefusalCode::PrescriberSilent));
    // It is a rule about orders: an override with its reason is the way out.
    let allowed = |site: &mut medicines::Site| {
        site.policies.prescriber_silent_min = 60;
        site.items[0].override_allowed = true;
    };
    let why = |a: &mut Asked| a.override_reason = Some("the line is down".into());
    check_with(allowed, at("09:00:01"), why, Ok(()));
    let heard = |h: &mut Hospital| {
        h.at("08:50:00").order_for(ANNA, Control::New, "7002", "MORPH10", Some("P1"));
        h.at("09:30:00");
    };
    check_with(silent(60), heard, |_| {}, Ok(()));
    // A restart forgets nothing of it.
    let restarted = |h: &mut Hospital| {
        heard(h);
        let again = std::mem::replace(h, Hospital::empty());
        *h = again.restarted();
    };
    check_with(silent(40), restarted, |_| {}, Ok(()));
    check_with(silent(39), restarted, |_| {}, Err(RefusalCode::PrescriberSilent));
}

#[test]
fn a_course_ends_with_its_last_dose() {
    let course = |doses: u32| {
        move |h: &mut Hospital| {
            let mut change =
                order_message(h.now, ANNA, Control::Change, "7001", "PARA500", Some("P1"));
            let timing = change.order.dosage_instruction[0].timing.as_mut().unwrap();
            timing.repeat.as_mut().unwrap().count = Some(doses);
            h.ask(medicines::Request::Orders(vec![change]));
            h.vend(Some("7001"), 2);
            h.at("15:00:00");
        }
    };
    check(course(2), |_| {}, Ok(()));
    let by_number = |a: &mut Asked| a.order = Some(Identifier::of(ORDER, "7001"));
    check(course(1), by_number, Err(RefusalCode::CourseOver));
}

#[test]
fn a_merged_patients_number_leads_to_the_one_who_keeps_the_record() {
    let merged = |h: &mut Hospital| {
        use medicines::patients::{MergeMessage, PatientEvent};
        h.adt(PatientEvent::A28, BELA, "V0", None);
        let mut survivor = fhir::resources::Patient::new();
        survivor.identifier = vec![Identifier::of(NHS, BELA)];
        h.ask(medicines::Request::Merge(Box::new(MergeMessage {
            survivor,
            merged: vec![Identifier::of(NHS, ANNA)],
            activity: h.now,
        })));
    };
    check(merged, |_| {}, Ok(()));
    check(merged, |a| a.patient = vec![Identifier::of(NHS, BELA)], Ok(()));
}

#[test]
fn an_unverified_order_is_taken_only_where_the_site_says_so_and_with_a_case() {
    let mut hospital = Hospital::new();
    let mut site = site();
    site.policies.unverified_allowed = true;
    hospital.ask(medicines::Request::Configure(Box::new(site)));
    hospital.order_for(ANNA, Control::New, "7001", "PARA500", None);
    let permit = hospital.remove(2).unwrap();
    assert!(permit.order.is_some() && permit.case.is_some());
    let case = (CaseKind::UnverifiedRemoval, "not-verified".to_owned());
    assert_eq!(hospital.open_cases(), std::slice::from_ref(&case));
    // The same where the cabinet tells it afterwards.
    hospital.at("08:05:00").tick();
    assert_eq!(hospital.open_cases(), [], "it was not taken");
    hospital.vend(Some("7001"), 2);
    assert_eq!(hospital.open_cases(), [case]);
}
