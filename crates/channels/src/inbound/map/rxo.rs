//! RXO to MedicationRequest: the prescriber's order before the pharmacy encodes it.

use fhir::resources::{MedicationRequest, Substitution};
use fhir::types::Dosage;
use hl7v2::Segment;
use medicines::Problem;

use super::rxe::{Fields, fields};
use crate::inbound::source::Source;

const RXO: Fields = Fields {
    code: 1,
    least: 2,
    most: 3,
    unit: 4,
    per_time: 17,
    rate: 21,
    rate_unit: 22,
    daily: 23,
    indication: 20,
    supply: (11, 12, 13),
    text: 6,
    instruction: 7,
};

/// Takes over RXO. Substitution is allowed only where RXO-9 says so (HL7 table 0161).
pub(crate) fn read(
    source: &Source<'_, '_>,
    rxo: &Segment<'_>,
    request: &mut MedicationRequest,
    dosage: &mut Dosage,
) -> Result<(), Problem> {
    fields(source, rxo, &RXO, request, dosage)?;
    let allowed = matches!(rxo.text(9, 1).trim(), "G" | "T" | "Y");
    request.substitution =
        Some(Substitution { allowed_boolean: Some(allowed), ..Substitution::not_allowed() });
    Ok(())
}
