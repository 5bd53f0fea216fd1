//! RXE to MedicationRequest: medicine, dose, rate, supply.

use fhir::resources::{DispenseRequest, MedicationRequest, Substitution};
use fhir::types::{CodeableConcept, Dosage, DoseAndRate, Identifier, Quantity, Range, Ratio};
use hl7v2::Segment;
use medicines::{Problem, ProblemCode};

use super::coded::{self, Local};
use super::quantity::{amount, unit};
use super::{identifier, quantity, tq1};
use crate::inbound::source::{Doubt, Source, exact, trimmed};

/// The fields in which RXE and RXO hold the same things.
pub(crate) struct Fields {
    pub(crate) code: usize,
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) unit: usize,
    pub(crate) per_time: usize,
    pub(crate) rate: usize,
    pub(crate) rate_unit: usize,
    pub(crate) daily: usize,
    pub(crate) indication: usize,
    /// Amount, unit and number of repeats of the supply.
    pub(crate) supply: (usize, usize, usize),
    /// Instructions of which the words are the dosage's text, and further ones.
    pub(crate) text: usize,
    pub(crate) instruction: usize,
}

const RXE: Fields = Fields {
    code: 2,
    least: 3,
    most: 4,
    unit: 5,
    per_time: 22,
    rate: 23,
    rate_unit: 24,
    daily: 19,
    indication: 27,
    supply: (10, 11, 12),
    text: 21,
    instruction: 7,
};

/// Takes over RXE: all triplets of the code, dose, rate, maximum, supply.
pub(crate) fn read(
    source: &Source<'_, '_>,
    rxe: &Segment<'_>,
    request: &mut MedicationRequest,
    dosage: &mut Dosage,
) -> Result<(), Problem> {
    fields(source, rxe, &RXE, request, dosage)?;
    let number = trimmed(rxe.text(15, 1));
    if !number.is_empty() {
        let system = source.systems().local("prescription");
        request.identifier.push(identifier::typed("RXN", Identifier::of(&system, &number)));
    }
    // RXE-9 says what was substituted, not what may be: nothing may (UK Core default).
    request.substitution = Some(Substitution::not_allowed());
    Ok(())
}

/// Takes over what RXE and RXO have in common.
pub(crate) fn fields(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    at: &Fields,
    request: &mut MedicationRequest,
    dosage: &mut Dosage,
) -> Result<(), Problem> {
    let medicine = coded::first(source, &segment.field(at.code), Local::Item);
    request.medication_codeable_concept = Some(medicine.ok_or_else(|| {
        let text = "the order does not say which medicine";
        source.problem(ProblemCode::FieldMissing, segment, at.code, text)
    })?);
    request.reason_code =
        coded::all(source, &segment.field(at.indication), Local::Of("indication"));
    request.dispense_request = supply(source, segment, at)?;
    instructions(source, segment, at, dosage);
    let rate = rate(source, segment, at, dosage)?;
    let dose = dose(source, segment, at)?;
    if dose.is_some() || rate.is_some() {
        let mut both = dose.unwrap_or_default();
        let rate = rate.unwrap_or_default();
        both.rate_ratio = rate.rate_ratio;
        both.rate_quantity = rate.rate_quantity;
        dosage.dose_and_rate.push(both);
    }
    dosage.max_dose_per_period = tq1::daily_maximum(source, segment, at.daily)?;
    Ok(())
}

/// The dose: an amount, or a range where the second is more than the first. A dose of zero is
/// how senders write that the instructions tell the dose.
fn dose(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    at: &Fields,
) -> Result<Option<DoseAndRate>, Problem> {
    let least = amount(source, segment, (at.least, at.unit))?;
    let most = amount(source, segment, (at.most, at.unit))?;
    let is_some = |dose: &Quantity| dose.value.as_ref().is_some_and(|v| !v.value().is_zero());
    let (least, most) = (least.filter(is_some), most.filter(is_some));
    let quantity = |dose| DoseAndRate { dose_quantity: Some(dose), ..DoseAndRate::default() };
    Ok(match (least, most) {
        (None, None) => None,
        (Some(dose), None) | (None, Some(dose)) => Some(quantity(dose)),
        (Some(low), Some(high)) if low.value == high.value => Some(quantity(low)),
        (Some(low), Some(high)) if low.value < high.value => Some(DoseAndRate {
            dose_range: Some(Range { low: Some(low), high: Some(high) }),
            ..DoseAndRate::default()
        }),
        (Some(_), Some(_)) => {
            let text = "the largest dose is less than the smallest";
            return Err(source.problem(ProblemCode::BadValue, segment, at.most, text));
        }
    })
}

/// The rate: an amount per time, an amount in a unit that has the time in it, or the dose over a
/// time. A rate in words becomes an instruction.
fn rate(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    at: &Fields,
    dosage: &mut Dosage,
) -> Result<Option<DoseAndRate>, Problem> {
    let (text, per) = (trimmed(segment.text(at.rate, 1)), trimmed(segment.text(at.per_time, 1)));
    let per = match tq1::per_time(&per) {
        None if !per.is_empty() => {
            source.doubt(Doubt::LeftOut { location: source.place(segment, at.per_time) });
            None
        }
        per => per,
    };
    let ratio = |numerator: Quantity, per: Quantity| DoseAndRate {
        rate_ratio: Some(Ratio { numerator: Some(numerator), denominator: Some(per) }),
        ..DoseAndRate::default()
    };
    if text.is_empty() {
        let Some(per) = per else { return Ok(None) };
        let dose = amount(source, segment, (at.least, at.unit))?;
        return Ok(dose.map(|dose| ratio(dose, per)));
    }
    let Some(value) = exact(&text) else {
        let words = [&*text, &*segment.text(at.rate_unit, 1)].join(" ");
        dosage.additional_instruction.push(CodeableConcept::from_text(words.trim()));
        return Ok(None);
    };
    quantity::check_sign(source, segment, at.rate, value)?;
    let amount = quantity::quantity(value, &unit(source, segment, at.rate_unit));
    Ok(Some(match per {
        Some(per) => ratio(amount, per),
        None => DoseAndRate { rate_quantity: Some(amount), ..DoseAndRate::default() },
    }))
}

fn supply(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    at: &Fields,
) -> Result<Option<DispenseRequest>, Problem> {
    let (value, unit_field, repeats) = at.supply;
    let quantity = match source.number(segment, value, 1)? {
        None => None,
        Some(amount) => {
            quantity::check_sign(source, segment, value, amount)?;
            Some(quantity::quantity(amount, &unit(source, segment, unit_field)))
        }
    };
    let repeats = trimmed(segment.text(repeats, 1)).parse().ok();
    let told = quantity.is_some() || repeats.is_some();
    Ok(told.then(|| DispenseRequest {
        quantity,
        number_of_repeats_allowed: repeats,
        ..DispenseRequest::default()
    }))
}

fn instructions(source: &Source<'_, '_>, segment: &Segment<'_>, at: &Fields, dosage: &mut Dosage) {
    let told = segment.field(at.text).repetitions().map(|each| coded::words(&each));
    let told: Vec<String> = told.filter(|text| !text.is_empty()).collect();
    if !told.is_empty() {
        dosage.text = Some(told.join("; "));
    }
    let local = Local::Of("instruction");
    dosage.additional_instruction = coded::all(source, &segment.field(at.instruction), local);
}
