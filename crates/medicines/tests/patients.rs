//! Patients change places, numbers and allergies.

mod hospital;

use fhir::ResourceType;
use fhir::resources::{AllergyIntolerance, Encounter, EncounterLocation, EncounterStatus, Patient};
use fhir::types::{CodeableConcept, Coding, Identifier, Reference};
use hospital::{ANNA, BELA, Hospital, MRN, NHS, VISIT, time};
use medicines::patients::{
    AllergyAction, AllergyMessage, PatientEvent, PatientMessage, RenumberMessage,
};
use medicines::{Answer, ProblemCode, Request};

fn moved(nhs: &str, visit: &str, ward: &str) -> PatientMessage {
    let mut patient = Patient::new();
    patient.identifier.push(Identifier::of(NHS, nhs));
    let mut encounter = Encounter::new(EncounterStatus::InProgress, Coding::default());
    encounter.identifier.push(Identifier::of(VISIT, visit));
    let place = Reference::by_identifier(ResourceType::Location, Identifier::of("ward", ward));
    encounter.location.push(EncounterLocation::new(place));
    PatientMessage {
        event: PatientEvent::A02,
        patient,
        deleted: Vec::new(),
        encounter: Some(encounter),
        ward: Some(ward.into()),
        allergies: None,
        activity: time("08:30:00"),
    }
}

fn wards(hospital: &Hospital) -> [usize; 2] {
    ["WARDA", "WARDB"].map(|ward| hospital.state.patients_in(ward).len())
}

#[test]
fn two_patients_change_places_or_neither_moves() {
    let mut hospital = Hospital::new();
    hospital.admit(BELA, "V2", "WARDB");
    let anna = hospital.state.patients_in("WARDA");
    hospital.at("09:00:00");
    let unknown = [moved(ANNA, "V1", "WARDB"), moved("9990000034", "V9", "WARDA")];
    let answer = hospital.ask(Request::Swap(Box::new(unknown)));
    assert!(matches!(answer, Answer::Parked(p) if p.code == ProblemCode::UnknownPatient));
    assert_eq!(hospital.state.patients_in("WARDA"), anna);
    let same = [moved(ANNA, "V1", "WARDB"), moved(ANNA, "V1", "WARDA")];
    let answer = hospital.ask(Request::Swap(Box::new(same)));
    assert!(matches!(answer, Answer::Parked(p) if p.code == ProblemCode::AmbiguousPatient));
    let both = [moved(ANNA, "V1", "WARDB"), moved(BELA, "V2", "WARDA")];
    assert_eq!(hospital.ask(Request::Swap(Box::new(both))), Answer::Done);
    assert_eq!(wards(&hospital), [1, 1]);
    assert_eq!(hospital.state.patients_in("WARDB"), anna);
}

#[test]
fn a_number_that_no_longer_holds_finds_nobody() {
    let mut hospital = Hospital::new();
    hospital.admit(BELA, "V2", "WARDB");
    let renumber = |new: &str, old: &str| {
        let new = vec![Identifier::of(MRN, new)];
        Request::Renumber(RenumberMessage { new, old: vec![Identifier::of(NHS, old)] })
    };
    let key = |system: &str, value: &str| format!("{system}|{value}");
    let anna = hospital.state.patient_by(&key(NHS, ANNA));
    assert_eq!(hospital.ask(renumber("H7", ANNA)), Answer::Done);
    assert_eq!(hospital.state.patient_by(&key(NHS, ANNA)), None);
    assert_eq!(hospital.state.patient_by(&key(MRN, "H7")), anna);
    let again = hospital.decide(&renumber("H7", ANNA));
    assert!(again.facts.is_empty() && matches!(again.answer, Answer::Done));
    let answer = hospital.ask(renumber("H7", BELA));
    assert!(matches!(answer, Answer::Parked(p) if p.code == ProblemCode::AmbiguousPatient));
    let answer = hospital.ask(renumber("H9", "9990000034"));
    assert!(matches!(answer, Answer::Parked(p) if p.code == ProblemCode::UnknownPatient));
}

#[test]
fn an_allergy_that_is_withdrawn_stays_on_record_and_warns_of_nothing() {
    let mut hospital = Hospital::new();
    let tell = |action, code: &str, text: &str| {
        let mut allergy = AllergyIntolerance::new(Reference::default());
        allergy.code = Some(CodeableConcept::of("urn:x", code, Some(text)));
        let patient = vec![Identifier::of(NHS, ANNA)];
        Request::Allergies(Box::new(AllergyMessage { patient, changes: vec![(action, allergy)] }))
    };
    let live = |hospital: &mut Hospital| {
        let id = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
        hospital.state.patient(&id).unwrap().allergies.len()
    };
    hospital.ask(tell(AllergyAction::Tell, "PEN", "Penicillin"));
    hospital.ask(tell(AllergyAction::Tell, "NUT", "Nuts"));
    assert_eq!(live(&mut hospital), 2);
    assert!(hospital.decide(&tell(AllergyAction::Tell, "PEN", "Penicillin")).facts.is_empty());
    hospital.ask(tell(AllergyAction::Withdraw, "PEN", "Penicillin"));
    assert_eq!(live(&mut hospital), 1);
    assert!(hospital.decide(&tell(AllergyAction::Withdraw, "EGG", "Egg")).facts.is_empty());
    let stored = hospital.stored(ResourceType::AllergyIntolerance);
    let withdrawn = stored.iter().filter(|one| one.json().contains("entered-in-error"));
    assert_eq!(withdrawn.count(), 1);
    assert!(hospital.queued("to-a").len() >= 3, "the cabinet is told");
}
