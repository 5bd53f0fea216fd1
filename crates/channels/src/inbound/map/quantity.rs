//! Amounts with units, exact.

use std::borrow::Cow;

use fhir::systems::{DMD, SNOMED};
use fhir::types::Quantity;
use hl7v2::{Component, Segment};
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use crate::dialect::{Systems, unit_of};
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
    unit_word(source, [1, 2, 3].map(|component| segment.text(field, component)))
}

/// The unit of a CQ, whose second component is a coded element in subcomponents.
pub(crate) fn unit_of_cq<'a>(source: &Source<'_, 'a>, unit: &Component<'a>) -> Cow<'a, str> {
    unit_word(source, [1, 2, 3].map(|part| unit.subcomponent(part).text()))
}

/// A unit from its code, its words and the name of its coding system. Units of SNOMED CT and dm+d
/// are numbers, which no formulary writes: there the words are the unit, unless the peer's table
/// knows the number.
fn unit_word<'a>(
    source: &Source<'_, 'a>,
    [code, words, system]: [Cow<'a, str>; 3],
) -> Cow<'a, str> {
    let [code, words] = [trimmed(code), trimmed(words)];
    let table = &source.dialect().units;
    let numbered = code.bytes().all(|byte| byte.is_ascii_digit()) || {
        let system = Systems::coding(system.trim(), &source.dialect().coding_systems);
        system.is_some_and(|system| system == DMD || system == SNOMED)
    };
    let by_words = numbered && !words.is_empty() && !table.contains_key(&*code);
    let word = if by_words { words } else { code };
    Cow::Owned(unit_of(&word, table).into_owned())
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
