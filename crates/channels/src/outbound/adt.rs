//! ADT: a patient was admitted, moved, discharged, changed or joined with another
//! (HL7 2.5.1 §3.3).

use fhir::resources::{Encounter, Patient};
use hl7v2::MessageBuilder;
use medicines::deliveries::Delivery;
use medicines::patients::PatientEvent;

use super::parts::told_at;
use super::{RenderError, Voice};

/// What an ADT message tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) event: PatientEvent,
    pub(super) patient: Patient,
    pub(super) encounter: Option<Encounter>,
    pub(super) merged: Option<Patient>,
}

/// The event and the structure of its message (HL7 2.5.1 §3.3, table 0354).
fn names(event: PatientEvent) -> (&'static str, &'static str) {
    match event {
        PatientEvent::A01 => ("A01", "ADT_A01"),
        PatientEvent::A02 => ("A02", "ADT_A02"),
        PatientEvent::A03 => ("A03", "ADT_A03"),
        PatientEvent::A04 => ("A04", "ADT_A01"),
        PatientEvent::A08 => ("A08", "ADT_A01"),
        PatientEvent::A11 => ("A11", "ADT_A09"),
        PatientEvent::A12 => ("A12", "ADT_A12"),
        PatientEvent::A13 => ("A13", "ADT_A01"),
        PatientEvent::A28 => ("A28", "ADT_A05"),
        PatientEvent::A31 => ("A31", "ADT_A05"),
        PatientEvent::A40 => ("A40", "ADT_A39"),
    }
}

pub(super) fn write(
    delivery: &Delivery,
    told: &Told,
    voice: &Voice,
) -> Result<MessageBuilder, RenderError> {
    let (event, structure) = names(told.event);
    let mut message = voice.message(delivery, ["ADT", event, structure]);
    let of_encounter = told.encounter.as_ref().and_then(|e| told_at(&e.extension));
    let happened = of_encounter.or_else(|| told_at(&told.patient.extension));
    let happened = happened.map(|at| voice.moment(at));
    message.segment("EVN").set(1, event).set(2, &voice.time(delivery.at)).set(6, happened.as_ref());
    voice.pid(&mut message, &told.patient)?;
    if told.event == PatientEvent::A40 {
        let merged = told.merged.as_ref();
        let merged = merged.ok_or(RenderError::Incomplete("the patient that was joined"))?;
        let mrg = message.segment("MRG");
        if !voice.identifiers(mrg, 1, &merged.identifier) {
            return Err(RenderError::Incomplete("an identifier of the patient that was joined"));
        }
        return Ok(message);
    }
    voice.pv1_or_none(&mut message, told.encounter.as_ref());
    Ok(message)
}
