//! RDS^O13: a medicine was removed (HL7 2.5.1 §4.14).
//!
//! The standard asks for an RXR after each RXD. A removal has no route, and none is made up: the
//! segment is left out. So is RXD-7, the prescription number, where no order permitted it.

use fhir::resources::{MedicationDispense, Patient};
use hl7v2::MessageBuilder;
use medicines::deliveries::Delivery;

use super::parts::{OURS, amount, is_batch, is_witness, order_number, staff};
use super::{RenderError, Voice};

pub(super) fn write(
    delivery: &Delivery,
    dispense: &MedicationDispense,
    patient: &Patient,
    voice: &Voice,
) -> Result<MessageBuilder, RenderError> {
    let mut message = voice.message(delivery, voice.pharmacy_type("RDS", "O13", "RDS_O13"));
    voice.pid(&mut message, patient)?;
    let orders = &dispense.authorizing_prescription;
    let order = orders.iter().find_map(|reference| {
        reference.identifier.as_ref().and_then(|number| order_number(number))
    });
    let (number, namespace) = order.unwrap_or_default();
    let id = dispense.id.as_ref().map_or("", fhir::Id::as_str);
    message.segment("ORC").set(1, "RE").field(2, &[&number, &namespace]).field(3, &[id, OURS]);

    let medicine = dispense.medication_concept();
    let medicine = medicine.ok_or(RenderError::Incomplete("a medicine"))?;
    let when = dispense.when_handed_over.as_ref();
    let when = when.ok_or(RenderError::Incomplete("the time of the removal"))?;
    let quantity = dispense.quantity.as_ref().and_then(amount);
    let (value, unit) = quantity.ok_or(RenderError::Incomplete("the quantity removed"))?;
    let rxd = message.segment("RXD").set(1, "1");
    if !voice.concept(rxd, 2, &medicine) {
        return Err(RenderError::Incomplete("a code or a name of the medicine"));
    }
    rxd.set(3, &voice.moment(when)).set(4, &value).set(5, &unit).set(7, &number);
    // Whoever took it stands before whoever saw it.
    let mut people: Vec<_> = dispense.performer.iter().collect();
    people.sort_by_key(|performer| performer.function.as_ref().is_some_and(is_witness));
    for (performer, repetition) in people.into_iter().zip(1..) {
        staff(rxd, 10, repetition, &performer.actor);
    }
    let batch = dispense.identifier.iter().find(|identifier| is_batch(identifier));
    rxd.set(18, batch.and_then(|batch| batch.value.as_ref()));
    let cabinet = dispense.location.as_ref().and_then(|place| place.identifier.as_ref());
    rxd.set(26, cabinet.and_then(|cabinet| cabinet.value.as_ref()));
    Ok(message)
}
