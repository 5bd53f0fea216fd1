//! RAS^O17: what was given at the bedside, and what was not.
//!
//! Each RXA is one dose. RXA-20 says how it ended (HL7 table 0322): CP, or nothing, is given; PA
//! is given in part, which is kept as stopped with the amount that was really given; RE and NA
//! are not given. Parked: an amount of 999, which HL7 uses for "unknown"; a deletion or an update
//! of an earlier dose (RXA-21 D, U); a dose without a time,
//! a person or a unit.

use fhir::resources::MedicationAdministrationStatus as Status;
use fhir::types::Identifier;
use hl7v2::Segment;
use medicines::bedside::Administration;
use medicines::{Problem, ProblemCode, Quantity, Request};
use rust_decimal::Decimal;

use super::map::coded::{self, Local};
use super::map::{identifier, quantity, staff};
use super::source::{Source, missing};

/// The most doses of one message.
const MAX_DOSES: usize = 256;

/// The amount that means "unknown" (HL7 2.5.1 §4.14.7.6).
const UNKNOWN_AMOUNT: Decimal = Decimal::from_parts(999, 0, 0, false, 0);

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let pid = source.need("PID")?;
    let patient = identifier::need_patient(source, &pid)?;
    let mut doses = Vec::new();
    for group in source.message.groups("ORC") {
        let order = group.segment("ORC").and_then(|orc| identifier::placer(source, &orc));
        for rxa in group.iter().filter(|segment| segment.is("RXA")) {
            if doses.len() == MAX_DOSES {
                let text = "there are more doses than are taken in one message";
                return Err(source.problem(ProblemCode::BadValue, &rxa, 1, text));
            }
            doses.push(dose(source, &rxa, &patient, order.clone())?);
        }
    }
    if doses.is_empty() {
        let orders = source.message.segment("ORC").is_some();
        return Err(missing(if orders { "RXA" } else { "ORC" }));
    }
    Ok(Request::Administer(doses))
}

fn dose(
    source: &Source<'_, '_>,
    rxa: &Segment<'_>,
    patient: &[Identifier],
    order: Option<Identifier>,
) -> Result<Administration, Problem> {
    let need =
        |field: usize, text: &str| source.problem(ProblemCode::FieldMissing, rxa, field, text);
    check_action(source, rxa)?;
    let status = status(source, rxa)?;
    let item = coded::first(source, &rxa.field(5), Local::Item)
        .ok_or_else(|| need(5, "the dose does not say which medicine"))?;
    let by = |number: usize| staff::staff(&rxa.field(10).repetition(number));
    let performer = by(1).ok_or_else(|| need(10, "the dose does not say who gave it"))?;
    let activity = source
        .instant(rxa, 3)?
        .ok_or_else(|| need(3, "the dose does not say when it was given"))?;
    Ok(Administration {
        patient: patient.to_vec(),
        order,
        removal: None,
        item,
        quantity: amount(source, rxa, status)?,
        status,
        reason: coded::first(source, &rxa.field(18), Local::Of("reason")),
        performer: performer.id,
        witness: by(2).map(|staff| staff.id),
        activity,
    })
}

/// RXA-21 (HL7 table 0323): only a new dose is taken.
fn check_action(source: &Source<'_, '_>, rxa: &Segment<'_>) -> Result<(), Problem> {
    let (code, text) = match rxa.text(21, 1).trim() {
        "" | "A" => return Ok(()),
        "D" | "U" => (
            ProblemCode::UnsupportedEvent,
            "a dose on record cannot be deleted or changed by a message: correct it by hand",
        ),
        _ => (ProblemCode::UnknownCode, "the action code is not in its table"),
    };
    Err(source.problem(code, rxa, 21, text))
}

fn status(source: &Source<'_, '_>, rxa: &Segment<'_>) -> Result<Status, Problem> {
    match rxa.text(20, 1).trim() {
        "" | "CP" => Ok(Status::Completed),
        "PA" => Ok(Status::Stopped),
        "RE" | "NA" => Ok(Status::NotDone),
        _ => {
            let text = "the completion status is not in its table";
            Err(source.problem(ProblemCode::UnknownCode, rxa, 20, text))
        }
    }
}

/// RXA-6 and -7. Nothing was given of a dose that was not given, whatever the amount says.
fn amount(source: &Source<'_, '_>, rxa: &Segment<'_>, status: Status) -> Result<Quantity, Problem> {
    let unit = quantity::unit(source, rxa, 7);
    if status == Status::NotDone {
        return Ok(Quantity::new(Decimal::ZERO, &unit));
    }
    let Some(amount) = source.number(rxa, 6, 1)? else {
        let text = "the dose does not say how much was given";
        return Err(source.problem(ProblemCode::FieldMissing, rxa, 6, text));
    };
    if amount == UNKNOWN_AMOUNT {
        let text = "999 says that the amount is not known: find out how much was given";
        return Err(source.problem(ProblemCode::BadValue, rxa, 6, text));
    }
    quantity::check_sign(source, rxa, 6, amount)?;
    if unit.is_empty() && !amount.is_zero() {
        // The item's own unit would be a guess: 500 may be milligrams or tablets.
        let text = "the dose does not say in which unit it was given";
        return Err(source.problem(ProblemCode::FieldMissing, rxa, 7, text));
    }
    Ok(Quantity::new(amount, &unit))
}
