//! MFN^M15: what a store holds of an item.
//!
//! Each IIM is a Medication with its batch, known by the item's code and the batch. It moves no
//! stock: a cabinet's balance is what its own transactions make of it. Parked: an item without a
//! code.

use fhir::resources::{Medication, MedicationBatch, MedicationStatus};
use fhir::types::Identifier;
use medicines::filing::{Content, How, Sheet};
use medicines::{Problem, ProblemCode, Request};

use super::map::coded::{self, Local};
use super::map::filing;
use super::source::{Source, missing, trimmed};

/// The most items of one message.
const MAX_ITEMS: usize = 2000;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut ended = false;
    for segment in source.message.iter() {
        match segment.name() {
            "MFE" => ended = matches!(segment.text(1, 1).trim(), "MDL" | "MDC"),
            "IIM" => {
                if sheets.len() == MAX_ITEMS {
                    let text = "there are more items than are taken in one message";
                    return Err(source.problem(ProblemCode::BadValue, &segment, 1, text));
                }
                let code = [2, 1]
                    .iter()
                    .find_map(|&field| coded::first(source, &segment.field(field), Local::Item));
                let code = code.ok_or_else(|| {
                    let text = "the item has no code";
                    source.problem(ProblemCode::FieldMissing, &segment, 1, text)
                })?;
                let lot = trimmed(segment.text(3, 1)).into_owned();
                let number = format!("{}|{lot}", filing::key_of(&code));
                if sheets.iter().any(|other| other.number == number) {
                    continue;
                }
                let mut item = Medication::new();
                let key = trimmed(segment.text(1, 1));
                if !key.is_empty() {
                    item.identifier.push(Identifier::of(source.systems().item(), &key));
                }
                item.code = Some(code);
                let status =
                    if ended { MedicationStatus::Inactive } else { MedicationStatus::Active };
                item.status = Some(status);
                let expiration_date = filing::date_time(source, &segment, 4);
                let lot_number = (!lot.is_empty()).then_some(lot);
                if lot_number.is_some() || expiration_date.is_some() {
                    item.batch = Some(MedicationBatch { lot_number, expiration_date });
                }
                let content = Content::Medication(Box::new(item));
                sheets.push(Sheet { number, content, how: How::Change });
            }
            _ => {}
        }
    }
    if sheets.is_empty() {
        return Err(missing("IIM"));
    }
    Ok(filing::about_nobody(source, sheets))
}
