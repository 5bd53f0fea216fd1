//! RDE^O11: an order is new or changed (HL7 2.5.1 §4.7).

use fhir::resources::{
    Encounter, Medication, MedicationRequest, MedicationRequestStatus as Status, Patient,
};
use fhir::types::{Dosage, Quantity, Ratio};
use hl7v2::{MessageBuilder, SegmentBuilder};
use medicines::deliveries::Delivery;
use medicines::orders::{Control, VERIFIED_BY, placer_of};
use rust_decimal::Decimal;

use super::parts::{amount, filler, is_prescription, order_number, staff, told_at};
use super::timing::{rxe_1, shared, tq1};
use super::{RenderError, Voice};
use crate::dialect::TimingStyle;

/// The most notes that go with an order.
const MAX_NOTES: usize = 10;

/// What an RDE message tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) control: Control,
    pub(super) order: MedicationRequest,
    pub(super) patient: Patient,
    pub(super) encounter: Option<Encounter>,
}

pub(super) fn write(
    delivery: &Delivery,
    told: &Told,
    voice: &Voice,
) -> Result<MessageBuilder, RenderError> {
    let mut message = voice.message(delivery, voice.pharmacy_type("RDE", "O11", "RDE_O11"));
    voice.pid(&mut message, &told.patient)?;
    if let Some(encounter) = &told.encounter {
        voice.pv1(&mut message, encounter);
    }
    orc(&mut message, delivery, told, voice)?;
    rxe(&mut message, told, voice)?;
    for note in told.order.note.iter().take(MAX_NOTES) {
        message.segment("NTE").set(1, "1").set(3, &note.text);
    }
    if voice.dialect().timing_style == TimingStyle::Tq1 {
        tq1(&mut message, &told.order, voice);
    }
    rxr(&mut message, &told.order, voice);
    Ok(message)
}

fn orc(
    message: &mut MessageBuilder,
    delivery: &Delivery,
    told: &Told,
    voice: &Voice,
) -> Result<(), RenderError> {
    let order = &told.order;
    let number = placer_of(voice.systems.site(), order).and_then(order_number);
    let (number, namespace) = number.ok_or(RenderError::Incomplete("the order's number"))?;
    let orc = message.segment("ORC");
    orc.set(1, voice.dialect().order_control.word(told.control));
    orc.field(2, &[&number, &namespace]);
    if let Some((number, namespace)) = filler(order) {
        orc.field(3, &[&number, &namespace]);
    }
    let group = order.group_identifier.as_ref().and_then(|group| group.value.as_ref());
    orc.set(4, group).set(5, order_status(order.status));
    let prior = order.prior_prescription.as_ref().and_then(|prior| prior.identifier.as_ref());
    if let Some((number, namespace)) = prior.and_then(|prior| order_number(prior)) {
        // EIP: the placer's number stands in the subcomponents of the first component.
        orc.put(8, 1, 1, 1, &number).put(8, 1, 1, 2, &namespace);
    }
    let told_at = told_at(&order.extension).map(|at| voice.moment(at));
    orc.set(9, &told_at.unwrap_or_else(|| voice.time(delivery.at)));
    if let Some(person) = &order.recorder {
        staff(orc, 10, 1, person);
    }
    if let Some(verifier) = verifier(order) {
        orc.set(11, verifier);
    }
    if let Some(person) = &order.requester {
        staff(orc, 12, 1, person);
    }
    if let Some(reason) = &order.status_reason {
        voice.concept(orc, 16, reason);
    }
    Ok(())
}

/// HL7 table 0038.
fn order_status(status: Status) -> Option<&'static str> {
    match status {
        Status::Active => Some("IP"),
        Status::OnHold => Some("HD"),
        Status::Cancelled | Status::EnteredInError => Some("CA"),
        Status::Completed => Some("CM"),
        Status::Stopped => Some("DC"),
        Status::Draft | Status::Unknown => None,
    }
}

/// Who verified the order, where somebody did.
fn verifier(order: &MedicationRequest) -> Option<&str> {
    let said = order.extension.iter().find(|extension| extension.url == VERIFIED_BY)?;
    let of_reference = || said.value_reference.as_ref()?.identifier.as_ref()?.value.as_deref();
    let of_identifier = || said.value_identifier.as_ref()?.value.as_deref();
    said.value_string.as_deref().or_else(of_identifier).or_else(of_reference)
}

fn rxe(message: &mut MessageBuilder, told: &Told, voice: &Voice) -> Result<(), RenderError> {
    let order = &told.order;
    let medicine = order.medication_concept().ok_or(RenderError::Incomplete("a medicine"))?;
    let rxe = message.segment("RXE");
    if voice.dialect().timing_style == TimingStyle::Rxe1 {
        rxe_1(rxe, order, voice);
    }
    if !voice.concept(rxe, 2, &medicine) {
        return Err(RenderError::Incomplete("a code or a name of the medicine"));
    }
    if let Some(dose) = dose(&order.dosage_instruction)? {
        rxe.set(3, &dose.low).set(4, dose.high.as_ref()).set(5, &dose.unit);
    }
    if let Some(form) = form(order) {
        voice.concept(rxe, 6, &form);
    }
    let first = order.dosage_instruction.first();
    for (instruction, repetition) in shared(&order.dosage_instruction).zip(1..) {
        let [coded, _] = voice.dual(instruction);
        rxe.components(7, repetition, &[&coded.code, &coded.text, &coded.system]);
    }
    if let Some(supply) = &order.dispense_request {
        if let Some((value, unit)) = supply.quantity.as_ref().and_then(amount) {
            rxe.set(10, &value).set(11, &unit);
        }
        let repeats = supply.number_of_repeats_allowed.map(|count| count.to_string());
        rxe.set(12, repeats.as_ref());
    }
    rxe.set(14, verifier(order));
    let prescription = order.identifier.iter().find(|number| is_prescription(number));
    rxe.set(15, prescription.and_then(|number| number.value.as_ref()));
    if let Some((value, unit)) = first.and_then(daily_maximum) {
        rxe.field(19, &[&value, &unit]);
    }
    instructions(rxe, &order.dosage_instruction);
    if let Some(rate) = first.and_then(rate) {
        rxe.set(22, &rate.per).set(23, &rate.amount).set(24, &rate.unit);
    }
    for (reason, repetition) in order.reason_code.iter().zip(1..) {
        let [coded, _] = voice.dual(reason);
        rxe.components(27, repetition, &[&coded.code, &coded.text, &coded.system]);
    }
    rxe.set(32, order.authored_on.as_ref().map(|at| voice.moment(at)).as_ref());
    Ok(())
}

/// RXE-21: the words of every instruction, so that none is taken for the whole.
fn instructions(rxe: &mut SegmentBuilder, dosages: &[Dosage]) {
    let mut written: Vec<&str> = Vec::new();
    for text in dosages.iter().filter_map(|dosage| dosage.text.as_deref()) {
        if !written.contains(&text) {
            written.push(text);
            rxe.put(21, written.len(), 2, 1, text);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Dose {
    low: String,
    high: Option<String>,
    unit: String,
}

/// RXE-3 to 5 hold one dose or one range for all timings of the order; doses that differ are the
/// range that they span, and each timing says its own. Doses in different units do not fit into
/// one RXE at all.
fn dose(dosages: &[Dosage]) -> Result<Option<Dose>, RenderError> {
    let mut span: Option<(Decimal, Decimal, String)> = None;
    for quantity in dosages.iter().flat_map(quantities) {
        let Some(value) = quantity.value.as_ref().map(fhir::Decimal::value) else {
            continue;
        };
        let unit = quantity.unit.clone().or_else(|| quantity.code.clone()).unwrap_or_default();
        span = Some(match span {
            None => (value, value, unit),
            Some((low, high, known)) if known == unit => (low.min(value), high.max(value), known),
            Some(_) => return Err(RenderError::Incomplete("doses in one unit")),
        });
    }
    Ok(span.map(|(low, high, unit)| Dose {
        low: low.normalize().to_string(),
        high: (low < high).then(|| high.normalize().to_string()),
        unit,
    }))
}

/// The doses of an instruction, both ends of a range.
fn quantities(dosage: &Dosage) -> impl Iterator<Item = &Quantity> {
    dosage.dose_and_rate.iter().flat_map(|rate| {
        let range = rate.dose_range.iter().flat_map(|range| [&range.low, &range.high]);
        rate.dose_quantity.iter().chain(range.flatten())
    })
}

/// RXE-19: the most in a day.
fn daily_maximum(dosage: &Dosage) -> Option<(String, String)> {
    let most = dosage.max_dose_per_period.as_ref()?;
    let period = most.denominator.as_ref()?;
    let value = period.value.as_ref()?.value();
    let unit = period.code.as_deref().or(period.unit.as_deref())?;
    let a_day = match unit {
        "d" | "day" => value == Decimal::ONE,
        "h" | "hour" | "hours" => value == Decimal::from(24),
        _ => false,
    };
    if !a_day {
        return None;
    }
    amount(most.numerator.as_ref()?)
}

struct Rate {
    per: String,
    amount: String,
    unit: String,
}

/// RXE-22 to 24: so much in each stretch of time, as `H1`, `125`, `ml`; or an amount whose unit
/// has the time in it, as `125`, `ml/h`.
fn rate(dosage: &Dosage) -> Option<Rate> {
    if let Some(rate) = dosage.dose_and_rate.iter().find_map(|rate| rate.rate_quantity.as_ref()) {
        let (amount, unit) = amount(rate)?;
        return Some(Rate { per: String::new(), amount, unit });
    }
    let Ratio { numerator, denominator } =
        dosage.dose_and_rate.iter().find_map(|rate| rate.rate_ratio.as_ref())?;
    let (amount, unit) = amount(numerator.as_ref()?)?;
    let period = denominator.as_ref()?;
    let letter = match period.code.as_deref().or(period.unit.as_deref())? {
        "s" => 'S',
        "min" | "minute" => 'M',
        "h" | "hour" => 'H',
        "d" | "day" => 'D',
        "wk" | "week" => 'W',
        "mo" | "month" => 'L',
        _ => return None,
    };
    let number = period.value.as_ref()?.value().normalize();
    Some(Rate { per: format!("{letter}{number}"), amount, unit })
}

/// The form of a contained Medication.
fn form(order: &MedicationRequest) -> Option<fhir::types::CodeableConcept> {
    let id = order.medication_reference.as_ref()?.contained_id()?;
    let read = |json: &fhir::json::Json| Medication::from_slice(json.get().as_bytes()).ok();
    let is_it = |medication: &Medication| medication.id.as_deref() == Some(id);
    order.contained.iter().filter_map(read).find(is_it)?.form
}

/// RXR, one for each different route. An order without a route gets none, although the standard
/// asks for one: a route is never made up.
fn rxr(message: &mut MessageBuilder, order: &MedicationRequest, voice: &Voice) {
    let mut written = Vec::new();
    for dosage in &order.dosage_instruction {
        let Some(route) = &dosage.route else { continue };
        if written.contains(&route) {
            continue;
        }
        written.push(route);
        let rxr = message.segment("RXR");
        voice.concept(rxr, 1, route);
        if let Some(site) = &dosage.site {
            voice.concept(rxr, 2, site);
        }
        if let Some(method) = &dosage.method {
            voice.concept(rxr, 4, method);
        }
    }
}
