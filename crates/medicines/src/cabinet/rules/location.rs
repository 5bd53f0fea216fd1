//! `wrong-location`, `wrong-patient`: the patient is on a ward that the cabinet serves, or left it
//! within the time of grace.

use fhir::resources::EncounterStatus;
use jiff::{SignedDuration, Timestamp};

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    let Question { patient, cabinet, site, at, .. } = question;
    let serves = |ward: Option<&str>| ward.is_some_and(|w| cabinet.wards.iter().any(|x| x == w));
    if let Some(stay) = patient.current() {
        return if serves(stay.ward.as_deref()) { Ok(()) } else { Err(elsewhere()) };
    }
    let grace = SignedDuration::from_hours(i64::from(site.policies.discharge_grace_h));
    let recent = |ended: Timestamp| ended.saturating_add(grace).is_ok_and(|till| *at < till);
    let last = patient.encounters.last();
    let left = last.filter(|stay| stay.status == EncounterStatus::Finished);
    if left.is_some_and(|stay| serves(stay.ward.as_deref()) && stay.ended.is_some_and(recent)) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::WrongPatient, "The patient is not in hospital."))
}

/// Where the patient was at an earlier time is known only if nothing was told of the stay since.
pub(super) fn was_there(question: &Question<'_>) -> Result<(), Refusal> {
    let stay = question.patient.current().filter(|stay| stay.told <= question.at);
    let Some(stay) = stay else { return Ok(()) };
    let wards = &question.cabinet.wards;
    let serves = stay.ward.as_ref().is_some_and(|ward| wards.contains(ward));
    if serves { Ok(()) } else { Err(elsewhere()) }
}

fn elsewhere() -> Refusal {
    let text = "The patient is on a ward that this cabinet does not serve.";
    Refusal::new(RefusalCode::WrongLocation, text)
}
