//! `restricted-item`: concentrated potassium chloride and what else kills where nobody expects it
//! leaves for the wards that it is kept for, and for no other (NPSA patient safety alert 2002/01).

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    let areas = &question.item.restricted_to;
    let last = || question.patient.encounters.last().and_then(|stay| stay.ward.as_deref());
    let ward = question.patient.ward().or_else(last);
    if areas.is_empty() || ward.is_some_and(|ward| areas.iter().any(|area| area == ward)) {
        return Ok(());
    }
    let text = "This item is restricted, and the patient's ward is none of those it is kept for.";
    Err(Refusal::new(RefusalCode::RestrictedItem, text))
}
