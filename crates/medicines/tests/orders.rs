//! What the prescriber's system may say of its orders, and what comes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::ResourceType;
use fhir::resources::{MedicationRequest, MedicationRequestStatus as Status};
use fhir::types::Identifier;
use hospital::*;
use medicines::orders::Control;
use medicines::patients::PatientEvent;
use medicines::{Answer, ProblemCode, Request};

fn problem(answer: &Answer) -> Option<ProblemCode> {
    match answer {
        Answer::Parked(problem) => Some(problem.code),
        _ => None,
    }
}

fn newest(hospital: &Hospital) -> MedicationRequest {
    let stored = hospital.stored(ResourceType::MedicationRequest);
    stored.last().unwrap().read().unwrap()
}

/// The controls in order, one a minute; what the last one is answered, and the status after it.
fn check(controls: &[Control], expected: Result<Status, ProblemCode>, told: &[&str]) {
    let mut hospital = Hospital::new();
    let mut last = Answer::Done;
    for (minute, control) in controls.iter().enumerate() {
        last = hospital.at(&format!("08:{minute:02}:30")).order(*control, "7001");
    }
    match expected {
        Ok(status) => {
            assert_eq!(problem(&last), None, "{controls:?}");
            assert_eq!(newest(&hospital).status, status, "{controls:?}");
        }
        Err(code) => {
            assert_eq!(problem(&last), Some(code), "{controls:?}");
            assert_eq!(hospital.open_cases().len(), 1, "it is parked");
        }
    }
    assert_eq!(hospital.queued("to-a")[1..], *told, "{controls:?}");
}

#[test]
fn an_order_lives_by_its_prescribers_word() {
    use Control::{Cancel, Change, Hold, New, Resume, Stop};
    check(&[New], Ok(Status::Active), &["New v1"]);
    check(&[New, Change], Ok(Status::Active), &["New v1", "Change v2"]);
    check(&[New, Hold], Ok(Status::OnHold), &["New v1", "Hold v2"]);
    check(&[New, Hold, Resume], Ok(Status::Active), &["New v1", "Hold v2", "Resume v3"]);
    check(&[New, Stop], Ok(Status::Stopped), &["New v1", "Stop v2"]);
    check(&[New, Cancel], Ok(Status::Cancelled), &["New v1", "Cancel v2"]);
    check(&[New, Hold, Stop], Ok(Status::Stopped), &["New v1", "Hold v2", "Stop v3"]);
    check(&[New, Stop, Stop], Ok(Status::Stopped), &["New v1", "Stop v2"]);
    check(&[New, New], Err(ProblemCode::DuplicateOrder), &["New v1"]);
    check(&[Change], Err(ProblemCode::UnknownOrder), &[]);
    check(&[Stop], Err(ProblemCode::UnknownOrder), &[]);
    check(&[New, Stop, Change], Err(ProblemCode::OrderState), &["New v1", "Stop v2"]);
    check(&[New, Stop, Resume], Err(ProblemCode::OrderState), &["New v1", "Stop v2"]);
}

#[test]
fn an_order_on_which_something_was_taken_is_stopped_not_cancelled() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.vend(Some("7001"), 2);
    hospital.order(Control::Cancel, "7001");
    assert_eq!(newest(&hospital).status, Status::Stopped);
}

#[test]
fn a_message_takes_effect_whole_or_not_at_all() {
    let mut hospital = Hospital::new();
    let good = order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
    let bad = order_message(hospital.now, ANNA, Control::Stop, "7999", "PARA500", None);
    let answer = hospital.ask(Request::Orders(vec![good, bad]));
    assert_eq!(problem(&answer), Some(ProblemCode::UnknownOrder));
    assert_eq!(hospital.stored(ResourceType::MedicationRequest).len(), 0);
}

#[test]
fn an_older_word_about_an_order_is_not_heard() {
    let mut hospital = Hospital::new();
    hospital.at("09:00:00").order(Control::New, "7001");
    let old = order_message(time("08:59:00"), ANNA, Control::Hold, "7001", "PARA500", None);
    let answer = hospital.ask(Request::Orders(vec![old]));
    assert_eq!(problem(&answer), Some(ProblemCode::Superseded));
}

#[test]
fn a_replacement_stops_the_old_order() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let mut replacing =
        order_message(hospital.now, ANNA, Control::New, "7002", "PARA500", Some("P1"));
    replacing.replaces = Some(Identifier::of(ORDER, "7001"));
    assert_eq!(hospital.ask(Request::Orders(vec![replacing])), Answer::Done);
    assert_eq!(hospital.queued("to-a")[1..], ["New v1", "Stop v2", "New v1"]);
    let stored = hospital.stored(ResourceType::MedicationRequest);
    let new: MedicationRequest = stored[2].read().unwrap();
    let old = stored[0].reference();
    assert_eq!(new.prior_prescription.unwrap().reference, Some(old));
}

#[test]
fn what_a_change_does_not_tell_stays() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let mut change = order_message(hospital.now, ANNA, Control::Change, "7001", "PARA500", None);
    change.order.dosage_instruction.clear();
    hospital.ask(Request::Orders(vec![change]));
    let changed = newest(&hospital);
    assert_eq!(changed.dosage_instruction.len(), 1);
    assert_eq!(changed.identifier[0].value.as_deref(), Some("7001"));
    assert_eq!(changed.substitution.unwrap().allowed_boolean, Some(false));
}

#[test]
fn a_merge_moves_orders_and_history_and_keeps_both_numbers() {
    use medicines::patients::MergeMessage;
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("08:10:00").vend(Some("7001"), 2);
    hospital.at("08:11:00").adt(PatientEvent::A28, BELA, "V0", None);
    let mut survivor = fhir::resources::Patient::new();
    survivor.identifier = vec![Identifier::of(NHS, BELA)];
    let merge = |activity| {
        Request::Merge(Box::new(MergeMessage {
            survivor: survivor.clone(),
            merged: vec![Identifier::of(NHS, ANNA)],
            activity,
        }))
    };
    assert_eq!(hospital.at("08:20:00").ask(merge(time("08:20:00"))), Answer::Done);
    let subject = newest(&hospital).subject.id_of(ResourceType::Patient).unwrap();
    let bela = hospital.state.patient_by(&format!("{NHS}|{BELA}")).unwrap();
    assert_eq!(subject, bela);
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{ANNA}")), Some(bela.clone()));
    assert_eq!(hospital.state.patients_in("WARDA"), std::slice::from_ref(&bela));
    assert_eq!(hospital.state.removals_of(&bela).len(), 1, "what is in hands follows");
    hospital.at("08:30:00").give("7001", 2);
    assert_eq!(hospital.open_cases(), []);
    let queued = hospital.queued("to-a");
    assert!(queued.contains(&"A40".to_owned()) && queued.contains(&"New v2".to_owned()));
    let facts = hospital.decide(&merge(time("08:40:00"))).facts;
    assert!(facts.is_empty(), "a second merge changes nothing");
}

#[test]
fn a_transfer_gives_the_new_ward_the_whole_profile() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.order_for(ANNA, Control::New, "7002", "MORPH10", Some("P1"));
    hospital.at("08:10:00").order(Control::Hold, "7002");
    hospital.at("08:20:00").adt(PatientEvent::A02, ANNA, "V1", Some("WARDB"));
    assert_eq!(hospital.queued("to-b"), ["A02", "New v1", "New v2", "Hold v2"]);
    assert_eq!(hospital.queued("to-a").last().unwrap(), "A02");
    hospital.at("08:30:00").order(Control::Stop, "7001");
    assert_eq!(hospital.queued("to-b").last().unwrap(), "Stop v2");
    assert_eq!(hospital.queued("to-a").last().unwrap(), "A02", "the old ward hears no more");
    hospital.at("08:40:00").adt(PatientEvent::A12, ANNA, "V1", Some("WARDA"));
    assert_eq!(hospital.queued("to-a").last().unwrap(), "Hold v2");
    assert_eq!(hospital.state.patients_in("WARDB"), []);
}

#[test]
fn a_line_that_is_back_gets_everything_again() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.facts.clear();
    hospital.ask(Request::LinkUp { channel: "to-a".into() });
    assert_eq!(hospital.queued("to-a"), ["A01", "New v1"]);
    hospital.ask(Request::LinkUp { channel: "to-epma".into() });
    assert_eq!(hospital.queued("to-epma"), [""; 0]);
}

#[test]
fn the_pas_tells_where_a_patient_is() {
    use PatientEvent::{A02, A03, A08, A11, A12, A13};
    let mut hospital = Hospital::new();
    let wards =
        |hospital: &Hospital| ["WARDA", "WARDB"].map(|ward| hospital.state.patients_in(ward).len());
    let mut steps = vec![
        (A02, Some("WARDB"), [0, 1]),
        (A12, Some("WARDA"), [1, 0]),
        (A03, Some("WARDA"), [0, 0]),
        (A13, Some("WARDA"), [1, 0]),
        (A08, Some("WARDA"), [1, 0]),
        (A11, Some("WARDA"), [0, 0]),
    ];
    for (minute, (event, ward, expected)) in steps.drain(..).enumerate() {
        let answer = hospital.at(&format!("08:{:02}:00", minute + 10)).adt(event, ANNA, "V1", ward);
        assert_eq!(answer, Answer::Done, "{event:?}");
        assert_eq!(wards(&hospital), expected, "{event:?}");
    }
    let unknown = hospital.adt(A02, BELA, "V2", Some("WARDB"));
    assert_eq!(problem(&unknown), Some(ProblemCode::UnknownPatient));
    let no_visit = hospital.adt(A03, ANNA, "V9", None);
    assert_eq!(problem(&no_visit), Some(ProblemCode::UnknownPatient));
}

#[test]
fn a_parked_message_is_replayed_once_its_cause_is_mended() {
    let mut hospital = Hospital::empty();
    let order = order_message(hospital.now, ANNA, Control::New, "7001", "PARA500", Some("P1"));
    let answer = hospital.ask(Request::Orders(vec![order.clone()]));
    assert_eq!(problem(&answer), Some(ProblemCode::UnknownPatient));
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let replay = || Request::Replay {
        case: case.clone(),
        entry: 1,
        by: "ENG1".into(),
        request: Box::new(Request::Orders(vec![order.clone()])),
    };
    assert_eq!(problem(&hospital.ask(replay())), Some(ProblemCode::UnknownPatient));
    assert_eq!(hospital.open_cases().len(), 1, "the case stays, and stays one");
    hospital.admit(ANNA, "V1", "WARDA");
    assert_eq!(hospital.ask(replay()), Answer::Done);
    assert_eq!(hospital.open_cases(), []);
    assert_eq!(problem(&hospital.ask(replay())), Some(ProblemCode::UnknownCase));
    assert_eq!(hospital.stored(ResourceType::MedicationRequest).len(), 1);
}

#[test]
fn an_order_that_is_dated_ahead_takes_effect_now() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let ahead = order_message(time("11:00:00"), ANNA, Control::Stop, "7001", "PARA500", None);
    hospital.at("08:30:00").ask(Request::Orders(vec![ahead]));
    let mut question = asked("PARA500", 2);
    question.order = Some(Identifier::of(ORDER, "7001"));
    assert_eq!(hospital.remove_with(question), Err(medicines::cabinet::RefusalCode::Stopped));
}

#[test]
fn an_end_is_heard_however_late_it_comes() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("09:00:00").order(Control::Change, "7001");
    let late = order_message(time("08:59:00"), ANNA, Control::Stop, "7001", "PARA500", None);
    assert_eq!(hospital.at("09:01:00").ask(Request::Orders(vec![late])), Answer::Done);
    assert_eq!(newest(&hospital).status, Status::Stopped);
}

#[test]
fn one_message_cannot_bring_back_the_order_that_it_replaces() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let mut replacing =
        order_message(hospital.now, ANNA, Control::New, "7002", "PARA500", Some("P1"));
    replacing.replaces = Some(Identifier::of(ORDER, "7001"));
    let again = order_message(hospital.now, ANNA, Control::Change, "7001", "PARA500", Some("P1"));
    let answer = hospital.ask(Request::Orders(vec![replacing, again]));
    assert_eq!(problem(&answer), Some(ProblemCode::DuplicateOrder));
}

#[test]
fn details_told_late_do_not_move_a_patient_back() {
    let mut hospital = Hospital::new();
    hospital.at("10:00:00").adt(PatientEvent::A02, ANNA, "V1", Some("WARDB"));
    hospital.now = time("09:00:00");
    hospital.adt(PatientEvent::A08, ANNA, "V1", Some("WARDA"));
    assert_eq!(hospital.state.patients_in("WARDB").len(), 1);
    let answer = hospital.adt(PatientEvent::A01, ANNA, "V1", Some("WARDA"));
    assert_eq!(problem(&answer), Some(ProblemCode::Superseded));
}

#[test]
fn a_corrected_nhs_number_finds_nobody() {
    use medicines::patients::PatientMessage;
    let mut hospital = Hospital::empty();
    let told = |numbers: &[(&str, &str)], at| {
        let mut patient = fhir::resources::Patient::new();
        patient.identifier =
            numbers.iter().map(|(system, value)| Identifier::of(system, value)).collect();
        Request::Patient(Box::new(PatientMessage {
            event: PatientEvent::A31,
            patient,
            deleted: vec![],
            encounter: None,
            ward: None,
            allergies: None,
            activity: at,
        }))
    };
    let (first, second) = (time("08:00:00"), time("08:01:00"));
    hospital.ask(told(&[(MRN, "X"), (NHS, ANNA)], first));
    hospital.at("08:01:00").ask(told(&[(MRN, "X"), (NHS, BELA)], second));
    let x = hospital.state.patient_by(&format!("{MRN}|X"));
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{BELA}")), x);
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{ANNA}")), None);
    hospital.at("08:02:00").ask(told(&[(MRN, "Y"), (NHS, ANNA)], time("08:02:00")));
    assert_ne!(hospital.state.patient_by(&format!("{NHS}|{ANNA}")), x);
    assert!(hospital.state.patient_by(&format!("{NHS}|{ANNA}")).is_some());
}

#[test]
fn an_order_does_not_outlive_its_stay() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.at("09:00:00").adt(PatientEvent::A03, ANNA, "V1", Some("WARDA"));
    hospital.at("20:00:00").adt(PatientEvent::A01, ANNA, "V2", Some("WARDA"));
    assert_eq!(hospital.remove(2), Err(medicines::cabinet::RefusalCode::NoLiveOrder));
    hospital.facts.clear();
    hospital.ask(Request::LinkUp { channel: "to-a".into() });
    assert_eq!(hospital.queued("to-a"), ["A01"]);
}

#[test]
fn a_pharmacists_word_is_about_one_version() {
    use medicines::cabinet::RefusalCode;
    use medicines::cases::CaseKind;
    use medicines::orders::{Verification, Word};
    let mut hospital = Hospital::new();
    let mut site = site();
    let role = access::Role::Pharmacist;
    let (id, name) = ("P1".to_owned(), "Test, P1".to_owned());
    site.people.push(access::Person { id, name, role, training: vec![] });
    hospital.ask(Request::Configure(Box::new(site)));
    hospital.order_for(ANNA, Control::New, "7001", "PARA500", None);
    let order = hospital.stored(ResourceType::MedicationRequest)[0].id.clone();
    let word = |word, version, by: &str| {
        let (order, text, by) = (order.clone(), Some("dose?".to_owned()), by.to_owned());
        let questions = None;
        Request::Verify(Box::new(Verification { order, version, word, text, by, questions }))
    };
    assert_eq!(hospital.at("08:10:00").remove(2), Err(RefusalCode::NotVerified));
    assert!(matches!(hospital.ask(word(Word::Verify, 1, "N1")), Answer::Refused(_)));
    hospital.ask(word(Word::Query, 1, "P1"));
    assert_eq!(hospital.open_cases(), [(CaseKind::PharmacistQuery, "pharmacist".to_owned())]);
    // A colleague who did not see the question is told of it, and no case asks anybody else.
    let mut unseen = word(Word::Verify, 1, "P1");
    let Request::Verify(told) = &mut unseen else { unreachable!() };
    told.questions = Some(vec![]);
    assert_eq!(problem(&hospital.ask(unseen)), Some(ProblemCode::Superseded));
    assert_eq!(hospital.open_cases().len(), 1);
    assert_eq!(hospital.at("08:20:00").ask(word(Word::Verify, 1, "P1")), Answer::Done);
    assert_eq!(hospital.open_cases(), [], "the question is answered");
    assert_eq!(hospital.queued("to-a").last().unwrap(), "Change v2");
    assert!(hospital.at("08:21:00").remove(2).is_ok());
    // A removal that is told late is judged by what was verified then.
    let mut late = transaction(medicines::cabinet::TransactionCode::Vend, time("08:15:00"), 2);
    late.order = Some(Identifier::of(ORDER, "7001"));
    hospital.at("08:30:00").transact(late);
    assert_eq!(hospital.open_cases()[0].1, "not-verified");
    // A word of the prescriber from before the verification is heard all the same.
    let hold = order_message(time("08:19:00"), ANNA, Control::Hold, "7001", "PARA500", None);
    assert_eq!(hospital.ask(Request::Orders(vec![hold])), Answer::Done);
    assert_eq!(newest(&hospital).status, Status::OnHold);
    hospital.at("08:40:00").order(Control::Resume, "7001");
    assert_eq!(
        problem(&hospital.ask(word(Word::Intervene, 2, "P1"))),
        Some(ProblemCode::Superseded)
    );
    assert_eq!(hospital.at("08:41:00").ask(word(Word::Intervene, 4, "P1")), Answer::Done);
    assert_eq!(hospital.at("15:00:00").remove(2), Err(RefusalCode::NotVerified));
    // Not even where a site lets people take what is not verified.
    let mut lenient = (**hospital.state.site()).clone();
    lenient.policies.unverified_allowed = true;
    let strict = hospital.state.site().as_ref().clone();
    hospital.ask(Request::Configure(Box::new(lenient)));
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.remove(2), Err(RefusalCode::NotVerified), "it is held back");
    hospital.ask(Request::Configure(Box::new(strict)));
    // What changes has to be verified again.
    hospital.ask(word(Word::Verify, 5, "P1"));
    hospital.at("15:01:00").order_for(ANNA, Control::Change, "7001", "PARA500", None);
    assert_eq!(hospital.at("15:02:00").remove(2), Err(RefusalCode::NotVerified));
}
