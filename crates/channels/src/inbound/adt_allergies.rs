//! ADT^A60: allergies one by one (IAM).
//!
//! IAM-6 says what becomes of each: A and U tell it, D takes it back, X leaves it. IAM-17 `E`
//! (erroneous) takes it back too. Parked: an IAM without its allergen or with another action.

use fhir::systems::{ALLERGY_CLINICAL_STATUS, ALLERGY_VERIFICATION_STATUS};
use fhir::types::CodeableConcept;
use medicines::patients::{AllergyAction, AllergyMessage};
use medicines::{Problem, ProblemCode, Request};

use super::map::{al1, identifier};
use super::source::{Source, missing};

/// The most allergies of one message.
const MAX_ALLERGIES: usize = 256;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let pid = source.need("PID")?;
    let patient = identifier::need_patient(source, &pid)?;
    let mut changes = Vec::new();
    let mut told = false;
    for iam in source.message.segments("IAM") {
        told = true;
        if changes.len() == MAX_ALLERGIES {
            let text = "there are more allergies than are taken";
            return Err(source.problem(ProblemCode::BadValue, &iam, 3, text));
        }
        let mut allergy = al1::allergy(source, &iam, 11)?;
        let status = iam.text(17, 1);
        let action = match (iam.text(6, 1).trim(), status.trim()) {
            ("X", _) => continue,
            ("D", _) | ("A" | "U" | "", "E") => AllergyAction::Withdraw,
            ("A" | "U" | "", _) => AllergyAction::Tell,
            _ => {
                let text = "this action is not in HL7 table 0323";
                return Err(source.problem(ProblemCode::UnknownCode, &iam, 6, text));
            }
        };
        // HL7 table 0438.
        let (clinical, verification) = match status.trim() {
            "C" => ("active", Some("confirmed")),
            "I" => ("inactive", Some("confirmed")),
            "D" | "P" | "S" | "U" => ("active", Some("unconfirmed")),
            _ => ("active", None),
        };
        allergy.clinical_status =
            Some(CodeableConcept::of(ALLERGY_CLINICAL_STATUS, clinical, None));
        allergy.verification_status =
            verification.map(|code| CodeableConcept::of(ALLERGY_VERIFICATION_STATUS, code, None));
        changes.push((action, allergy));
    }
    if !told {
        return Err(missing("IAM"));
    }
    Ok(Request::Allergies(Box::new(AllergyMessage { patient, changes })))
}
