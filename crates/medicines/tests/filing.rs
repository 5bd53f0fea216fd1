//! Results, documents and appointments: one thing, however often it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::resources::{
    Appointment, AppointmentStatus, DiagnosticReport, DiagnosticReportStatus, Observation,
    ObservationStatus, Patient,
};
use fhir::types::{CodeableConcept, Identifier, Quantity, Reference};
use fhir::{Id, ResourceType, StoredResource};
use hospital::{ANNA, BELA, Hospital, NHS, time};
use medicines::filing::{Content, Filing, How, Keep, Sheet, id_of};
use medicines::patients::MergeMessage;
use medicines::{Answer, Decision, Fact, ProblemCode, Request};

fn with_anna() -> Hospital {
    let mut hospital = Hospital::new();
    hospital.at("10:00:00");
    hospital
}

/// Anna's record ends and goes on as Bela's.
fn merge(hospital: &mut Hospital) {
    let mut survivor = Patient::new();
    survivor.identifier.push(Identifier::of(NHS, BELA));
    let merged = vec![Identifier::of(NHS, ANNA)];
    let message = MergeMessage { survivor, merged, activity: time("09:05:00") };
    hospital.decide(&Request::Merge(Box::new(message)));
}

fn patient(number: &str) -> Box<Patient> {
    let mut patient = Patient::new();
    patient.identifier.push(Identifier::of(NHS, number));
    Box::new(patient)
}

fn filing(number: &str, at: &str, sheets: Vec<Sheet>) -> Filing {
    Filing {
        patient: Some(patient(number)),
        introduces: false,
        visit: None,
        sheets,
        told: Some(time(at)),
    }
}

fn potassium(status: ObservationStatus, value: &str) -> Sheet {
    let mut told = Observation::new(status, CodeableConcept::from_text("Potassium"));
    let value = Some(fhir::Decimal::parse(value).unwrap());
    told.value_quantity = Some(Quantity { value, ..Quantity::default() });
    let content = Content::Observation(Box::new(told));
    Sheet { number: "L1|K".into(), content, how: How::Whole }
}

fn file(hospital: &mut Hospital, filing: Filing) -> Decision {
    hospital.decide(&Request::File(Box::new(filing)))
}

fn tell(hospital: &mut Hospital, at: &str, status: ObservationStatus, value: &str) {
    let decision = file(hospital, filing(ANNA, at, vec![potassium(status, value)]));
    assert!(matches!(decision.answer, Answer::Created(_)), "{:?}", decision.answer);
}

fn stored(hospital: &Hospital, kind: ResourceType, number: &str) -> StoredResource {
    hospital.state.resource(kind, &id_of("RXX", kind, number)).unwrap()
}

fn check(words: &[(&str, ObservationStatus, &str)], expect: (u64, ObservationStatus, &str)) {
    let mut hospital = with_anna();
    for (at, status, value) in words {
        tell(&mut hospital, at, *status, value);
    }
    let kept = stored(&hospital, ResourceType::Observation, "L1|K");
    let read: Observation = kept.read().unwrap();
    let value = read.value_quantity.unwrap().value.unwrap().to_string();
    assert_eq!((kept.version, read.status, value.as_str()), expect, "{words:?}");
}

#[test]
fn a_correction_is_a_new_version_and_what_is_late_changes_nothing() {
    use ObservationStatus::{Corrected as C, Final as F, Preliminary as P};
    check(&[("09:00:00", P, "6.10")], (1, P, "6.10"));
    check(&[("09:00:00", P, "6.10"), ("09:10:00", F, "6.1")], (2, F, "6.1"));
    check(&[("09:00:00", F, "6.1"), ("09:10:00", C, "4.1")], (2, C, "4.1"));
    check(&[("09:10:00", F, "6.1"), ("09:00:00", P, "7")], (1, F, "6.1"));
    check(&[("09:00:00", F, "6.1"), ("09:10:00", P, "7")], (1, F, "6.1"));
    check(&[("09:10:00", P, "6.1"), ("09:00:00", F, "7")], (2, F, "7"));
    check(&[("09:10:00", C, "4.1"), ("09:00:00", F, "6.1")], (1, C, "4.1"));
    check(&[("09:10:00", P, "4.1"), ("09:00:00", P, "6.1")], (1, P, "4.1"));
    check(&[("09:00:00", F, "6.1"), ("09:20:00", F, "6.1")], (1, F, "6.1"));
    check(&[("09:00:00", F, "6.1"), ("09:00:00", C, "5.9")], (2, C, "5.9"));
}

#[test]
fn a_final_word_without_the_value_keeps_it() {
    let mut hospital = with_anna();
    tell(&mut hospital, "09:00:00", ObservationStatus::Preliminary, "6.1");
    let told = Observation::new(ObservationStatus::Final, CodeableConcept::from_text("Potassium"));
    let content = Content::Observation(Box::new(told));
    let sheet = Sheet { number: "L1|K".into(), content, how: How::Change };
    file(&mut hospital, filing(ANNA, "09:10:00", vec![sheet]));
    let kept: Observation = stored(&hospital, ResourceType::Observation, "L1|K").read().unwrap();
    assert_eq!(kept.status, ObservationStatus::Final);
    assert_eq!(kept.value_quantity.unwrap().value.unwrap().to_string(), "6.1");
}

#[test]
fn a_number_of_another_patient_is_parked() {
    let mut hospital = with_anna();
    hospital.admit(BELA, "V2", "WARDB");
    tell(&mut hospital, "09:00:00", ObservationStatus::Final, "6.1");
    let sheets = vec![potassium(ObservationStatus::Corrected, "4.1")];
    let decision = file(&mut hospital, filing(BELA, "09:10:00", sheets));
    assert!(
        matches!(&decision.answer, Answer::Parked(p) if p.code == ProblemCode::AmbiguousPatient)
    );
    assert_eq!(stored(&hospital, ResourceType::Observation, "L1|K").version, 1);
}

#[test]
fn only_a_channel_that_may_makes_a_patient_known() {
    let mut hospital = with_anna();
    let mut told = filing("9990000034", "09:00:00", vec![potassium(ObservationStatus::Final, "1")]);
    let decision = file(&mut hospital, told.clone());
    assert!(matches!(&decision.answer, Answer::Parked(p) if p.code == ProblemCode::UnknownPatient));
    told.introduces = true;
    let decision = file(&mut hospital, told);
    let made: Vec<_> = decision.facts.iter().filter_map(Fact::patient).collect();
    assert_eq!(made.len(), 1);
    let kept: Observation = stored(&hospital, ResourceType::Observation, "L1|K").read().unwrap();
    assert_eq!(kept.subject, Some(Reference::to(ResourceType::Patient, made[0])));
}

#[test]
fn a_report_keeps_the_results_that_a_later_word_leaves_out() {
    let mut hospital = with_anna();
    let mut tell = |at: &str, results: &[&str], status| {
        let mut told = DiagnosticReport::new(status, CodeableConcept::from_text("UE"));
        let reference = |id: &&str| Reference::to(ResourceType::Observation, &Id::new(id).unwrap());
        told.result = results.iter().map(reference).collect();
        let content = Content::DiagnosticReport(Box::new(told));
        let sheet = Sheet { number: "R".into(), content, how: How::Whole };
        file(&mut hospital, filing(ANNA, at, vec![sheet]));
    };
    tell("09:00:00", &["a", "b"], DiagnosticReportStatus::Final);
    tell("09:10:00", &["b"], DiagnosticReportStatus::Corrected);
    let kept = stored(&hospital, ResourceType::DiagnosticReport, "R");
    let read: DiagnosticReport = kept.read().unwrap();
    assert_eq!((kept.version, read.result.len()), (2, 2));
}

#[test]
fn an_answer_about_nothing_known_is_parked_and_one_that_may_be_left_is_left() {
    let mut hospital = with_anna();
    let cancelled = |how| {
        let told = Appointment::new(AppointmentStatus::Cancelled, Vec::new());
        Sheet { number: "A1".into(), content: Content::Appointment(Box::new(told)), how }
    };
    let decision = file(&mut hospital, filing(ANNA, "09:00:00", vec![cancelled(How::NeedsKnown)]));
    assert!(matches!(&decision.answer, Answer::Parked(p) if p.code == ProblemCode::UnknownOrder));
    let decision = file(&mut hospital, filing(ANNA, "09:00:00", vec![cancelled(How::ChangeKnown)]));
    assert!(matches!(decision.answer, Answer::Created(_)) && decision.facts.is_empty());
}

#[test]
fn a_cancelled_appointment_keeps_who_was_to_come() {
    let mut hospital = with_anna();
    let told = |status, how| {
        let mut told = Appointment::new(status, Vec::new());
        if how == How::Whole {
            let mut place = fhir::resources::AppointmentParticipant::new(
                fhir::resources::ParticipationStatus::Accepted,
            );
            place.actor =
                Some(Reference { display: Some("Clinic".into()), ..Reference::default() });
            told.participant.push(place);
        }
        Sheet { number: "A1".into(), content: Content::Appointment(Box::new(told)), how }
    };
    let booked = told(AppointmentStatus::Booked, How::Whole);
    file(&mut hospital, filing(ANNA, "09:00:00", vec![booked]));
    let cancelled = told(AppointmentStatus::Cancelled, How::Change);
    file(&mut hospital, filing(ANNA, "09:10:00", vec![cancelled]));
    let kept: Appointment = stored(&hospital, ResourceType::Appointment, "A1").read().unwrap();
    assert_eq!((kept.status, kept.participant.len()), (AppointmentStatus::Cancelled, 2));
}

#[test]
fn what_moves_with_a_merge_is_found_under_the_survivor() {
    let mut hospital = with_anna();
    hospital.admit(BELA, "V2", "WARDB");
    tell(&mut hospital, "09:00:00", ObservationStatus::Final, "6.1");
    let told = Appointment::new(AppointmentStatus::Booked, Vec::new());
    let content = Content::Appointment(Box::new(told));
    let sheet = Sheet { number: "A1".into(), content, how: How::Whole };
    file(&mut hospital, filing(ANNA, "09:00:00", vec![sheet]));
    merge(&mut hospital);
    let corrected = vec![potassium(ObservationStatus::Corrected, "4.1")];
    let decision = file(&mut hospital, filing(ANNA, "09:10:00", corrected));
    assert!(matches!(decision.answer, Answer::Created(_)), "{:?}", decision.answer);
    let kept: Appointment = stored(&hospital, ResourceType::Appointment, "A1").read().unwrap();
    let observation: Observation =
        stored(&hospital, ResourceType::Observation, "L1|K").read().unwrap();
    assert_eq!(kept.participant[0].actor, observation.subject);
}

#[test]
fn what_is_kept_says_why_and_whose_it_is() {
    let mut hospital = with_anna();
    let patient = vec![Identifier::of(NHS, ANNA)];
    let decision = hospital.decide(&Request::Keep(Keep { patient, why: "charges" }));
    let [Fact::Kept(kept)] = &decision.facts[..] else { panic!("{:?}", decision.facts) };
    assert!(kept.patient.is_some() && kept.why == "charges");
    assert!(matches!(decision.answer, Answer::Done));
}
