//! RAS^O17: what the bedside tells through the ePMA.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::rde::number;
use super::{Envelope, pid, pv1, staff};
use crate::book::Given;
use crate::clock::zoned_stamp;
use crate::formulary::Item;
use crate::wire::text::{Segment, message};
use crate::world::Patient;

/// What was told of a dose.
#[derive(Debug, Clone)]
pub(crate) struct Dose<'a> {
    pub(crate) patient: &'a Patient,
    pub(crate) order: u32,
    pub(crate) item: &'static Item,
    pub(crate) quantity: Decimal,
    pub(crate) given: Given,
    pub(crate) performer: &'a str,
    pub(crate) at: Timestamp,
}

/// SNOMED CT: the patient declined the medicine.
pub(crate) const DECLINED: (&str, &str) = ("182895007", "Drug declined by patient");
/// SNOMED CT: the patient was not there.
pub(crate) const UNAVAILABLE: (&str, &str) = ("398090008", "Patient unavailable");

/// Why a dose was not given, or not whole.
pub(crate) fn reason(given: Given) -> Option<(&'static str, &'static str)> {
    match given {
        Given::Whole => None,
        Given::Part | Given::Refused => Some(DECLINED),
        Given::Not => Some(UNAVAILABLE),
    }
}

/// Writes the report of one administration.
pub(crate) fn ras(envelope: &Envelope<'_>, dose: &Dose<'_>) -> String {
    // HL7 table 0322: complete, partial, refused, not administered.
    let completion = match dose.given {
        Given::Whole => "CP",
        Given::Part => "PA",
        Given::Refused => "RE",
        Given::Not => "NA",
    };
    let stamp = zoned_stamp(dose.at);
    let mut rxa = Segment::new("RXA")
        .put(1, "0")
        .put(2, "1")
        .put(3, &stamp)
        .put(4, &stamp)
        .parts(5, &[dose.item.code, dose.item.name, "L"])
        .put(6, &dose.quantity.normalize().to_string())
        .put(7, dose.item.unit)
        .raw(10, staff(dose.performer))
        .put(20, completion)
        .put(21, "A");
    if let Some((code, text)) = reason(dose.given) {
        rxa = rxa.parts(18, &[code, text, "SCT"]);
    }
    message(&[
        envelope.header(&["RAS", "O17", "RAS_O17"]),
        pid(dose.patient, envelope.site),
        pv1(dose.patient, envelope.site),
        Segment::new("ORC").put(1, "RE").raw(2, number(dose.order)).put(9, &stamp),
        rxa,
        Segment::new("RXR").put(1, dose.item.route),
    ])
}
