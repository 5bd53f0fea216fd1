//! Right patient: the wristband is of somebody who is in hospital.

use std::sync::Arc;

use super::super::read;
use super::super::scan::{Finding, Outcome, Scan};
use crate::patients::find;
use crate::site::Site;
use crate::state::{PatientState, State};

/// Whose wristband it is.
pub(in super::super) fn find_patient(
    state: &mut State,
    site: &Site,
    scan: &Scan,
    findings: &mut Vec<Finding>,
) -> Result<Arc<PatientState>, Finding> {
    let block = |code: &str, text: &str| Finding::new("patient", code, Outcome::Block, text);
    let typed = find(state, &scan.patient).ok().filter(|_| !scan.patient.is_empty());
    let Some(band) = &scan.band else {
        let typed = typed.ok_or_else(|| {
            block("unknown-patient", "No patient has this number: scan the wristband.")
        })?;
        let text = "The wristband was not scanned: ask the patient for name and date of birth.";
        findings.push(Finding::new("patient", "patient-not-scanned", Outcome::Warn, text));
        return is_here(typed);
    };
    let identifiers = read::band(band, site)?;
    let scanned = find(state, &identifiers).map_err(|_| {
        block("unknown-patient", "Nobody here has this wristband: print a new one.")
    })?;
    if typed.is_some_and(|typed| typed.id != scanned.id) {
        let text = "The wristband is another patient's than the one whose chart is open.";
        return Err(block("wrong-patient", text));
    }
    is_here(scanned)
}

fn is_here(patient: Arc<PatientState>) -> Result<Arc<PatientState>, Finding> {
    if patient.current().is_some() {
        return Ok(patient);
    }
    let text = "This patient is not in hospital.";
    Err(Finding::new("patient", "not-in-hospital", Outcome::Block, text))
}
