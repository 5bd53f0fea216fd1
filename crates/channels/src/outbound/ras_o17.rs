//! RAS^O17: a medicine was given or not given (HL7 2.5.1 §4.17).

use fhir::DateTime;
use fhir::resources::{
    MedicationAdministration, MedicationAdministrationStatus as Status, Patient,
};
use hl7v2::MessageBuilder;
use medicines::deliveries::{Delivery, Notice};

use super::parts::{OURS, amount, is_batch, is_witness, order_number, staff};
use super::{RenderError, Voice};

/// RXA-1 where no give message went before it (HL7 2.5.1 §4.14.7.1).
const NO_GIVE: &str = "0";

pub(super) fn write(
    delivery: &Delivery,
    given: &MedicationAdministration,
    patient: &Patient,
    voice: &Voice,
) -> Result<MessageBuilder, RenderError> {
    let mut message = voice.message(delivery, voice.pharmacy_type("RAS", "O17", "RAS_O17"));
    voice.pid(&mut message, patient)?;
    let order = given.request.as_ref().and_then(|request| request.identifier.as_ref());
    let (number, namespace) = order.and_then(|number| order_number(number)).unwrap_or_default();
    let id = given.id.as_ref().map_or("", fhir::Id::as_str);
    message.segment("ORC").set(1, "RE").field(2, &[&number, &namespace]).field(3, &[id, OURS]);
    rxa(&mut message, delivery, given, voice)?;
    if let Some(route) = given.dosage.as_ref().and_then(|dosage| dosage.route.as_ref()) {
        voice.concept(message.segment("RXR"), 1, route);
    }
    Ok(message)
}

fn rxa(
    message: &mut MessageBuilder,
    delivery: &Delivery,
    given: &MedicationAdministration,
    voice: &Voice,
) -> Result<(), RenderError> {
    let (start, end) = when(given).ok_or(RenderError::Incomplete("the time of the dose"))?;
    let medicine = given.medication_concept();
    let medicine = medicine.ok_or(RenderError::Incomplete("a medicine"))?;
    let rxa = message.segment("RXA").set(1, NO_GIVE).set(2, "1");
    rxa.set(3, &voice.moment(start)).set(4, &voice.moment(end));
    if !voice.concept(rxa, 5, &medicine) {
        return Err(RenderError::Incomplete("a code or a name of the medicine"));
    }
    let dose = given.dosage.as_ref().and_then(|dosage| dosage.dose.as_ref()).and_then(amount);
    match dose {
        Some((value, unit)) => rxa.set(6, &value).set(7, &unit),
        None if given.status == Status::NotDone => rxa.set(6, "0"),
        None => return Err(RenderError::Incomplete("the quantity given")),
    };
    if let Some(note) = given.note.first() {
        rxa.put(9, 1, 2, 1, &note.text);
    }
    let mut people: Vec<_> = given.performer.iter().collect();
    people.sort_by_key(|performer| performer.function.as_ref().is_some_and(is_witness));
    for (performer, repetition) in people.into_iter().zip(1..) {
        staff(rxa, 10, repetition, &performer.actor);
    }
    let batch = given.identifier.iter().find(|identifier| is_batch(identifier));
    rxa.set(15, batch.and_then(|batch| batch.value.as_ref()));
    if let Some(reason) = given.status_reason.first() {
        voice.concept(rxa, 18, reason);
    }
    rxa.set(20, completion(given.status)).set(21, action(delivery, given.status));
    Ok(())
}

fn when(given: &MedicationAdministration) -> Option<(&DateTime, &DateTime)> {
    if let Some(at) = &given.effective_date_time {
        return Some((at, at));
    }
    let period = given.effective_period.as_ref()?;
    let start = period.start.as_ref()?;
    Some((start, period.end.as_ref().unwrap_or(start)))
}

/// HL7 table 0322. Whether a dose that was not given was refused by the patient stands in the
/// reason (RXA-18), so `NA` says it without guessing.
fn completion(status: Status) -> &'static str {
    match status {
        Status::Completed => "CP",
        Status::Stopped | Status::InProgress => "PA",
        _ => "NA",
    }
}

/// HL7 table 0323.
fn action(delivery: &Delivery, status: Status) -> &'static str {
    let newer = matches!(
        &delivery.notice,
        Notice::Administration { administration, .. } if administration.version > 1
    );
    match status {
        Status::EnteredInError => "D",
        _ if newer => "U",
        _ => "A",
    }
}
