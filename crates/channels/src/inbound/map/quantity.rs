//! Amounts with units, exact.

use std::borrow::Cow;

use fhir::types::Quantity;
use hl7v2::Segment;
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use crate::dialect::unit_of;
use crate::inbound::source::{Source, trimmed};

/// UCUM codes of the units that have one under another or the same name.
const UCUM_CODES: [(&str, &str); 9] = [
    ("mg", "mg"),
    ("g", "g"),
    ("kg", "kg"),
    ("microgram", "ug"),
    ("nanogram", "ng"),
    ("ml", "mL"),
    ("l", "L"),
    ("mmol", "mmol"),
    ("unit", "[iU]"),
];

/// An exact number as FHIR writes it.
pub(crate) fn decimal(value: Decimal) -> fhir::Decimal {
    fhir::Decimal::parse(&value.to_string()).expect("an exact decimal is a JSON number")
}

/// An amount in a unit as the formulary writes it, with its UCUM code where it has one.
pub(crate) fn quantity(value: Decimal, unit: &str) -> Quantity {
    let value = decimal(value);
    match UCUM_CODES.iter().find(|(name, _)| *name == unit) {
        Some((_, code)) => Quantity::of(value, unit, fhir::systems::UCUM, code),
        None => Quantity {
            value: Some(value),
            unit: Some(unit.to_owned()).filter(|unit| !unit.is_empty()),
            ..Quantity::default()
        },
    }
}

/// The unit of a coded field in the words of the formulary; empty where none was sent.
pub(crate) fn unit<'a>(
    source: &Source<'_, 'a>,
    segment: &Segment<'a>,
    field: usize,
) -> Cow<'a, str> {
    let code = trimmed(segment.text(field, 1));
    let word = if code.is_empty() { trimmed(segment.text(field, 2)) } else { code };
    Cow::Owned(unit_of(&word, &source.dialect().units).into_owned())
}

/// An amount and its unit in two fields, where an amount was sent. Nothing can be reckoned with
/// an amount that is negative or has no unit.
pub(crate) fn amount(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    (value, unit_field): (usize, usize),
) -> Result<Option<Quantity>, Problem> {
    let Some(amount) = source.number(segment, value, 1)? else {
        return Ok(None);
    };
    check_sign(source, segment, value, amount)?;
    let unit = unit(source, segment, unit_field);
    if unit.is_empty() {
        let text = "the amount has no unit";
        return Err(source.problem(ProblemCode::FieldMissing, segment, unit_field, text));
    }
    Ok(Some(quantity(amount, &unit)))
}

/// Refuses a negative amount.
pub(crate) fn check_sign(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
    amount: Decimal,
) -> Result<(), Problem> {
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(source.problem(
            ProblemCode::BadValue,
            segment,
            field,
            "the amount is negative",
        ));
    }
    Ok(())
}
