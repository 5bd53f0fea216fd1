//! How an order is to be given, in words that dm+d has.

use fhir::resources::{Medication, MedicationRequest};
use fhir::types::CodeableConcept;

use super::Way;

/// Routes of HL7 table 0162 by their names in dm+d. Others are not guessed: they stay in the
/// sender's words, and the bedside says that nothing can be judged by them.
const ROUTES: [(&str, &str); 16] = [
    ("PO", "Oral"),
    ("IV", "Intravenous"),
    ("IVB", "Intravenous"),
    ("IVP", "Intravenous"),
    ("IM", "Intramuscular"),
    ("SC", "Subcutaneous"),
    ("SQ", "Subcutaneous"),
    ("PR", "Rectal"),
    ("SL", "Sublingual"),
    ("BC", "Buccal"),
    ("IH", "Inhalation"),
    ("IT", "Intrathecal"),
    ("EP", "Epidural"),
    ("NS", "Nasal"),
    ("TD", "Transdermal"),
    ("VG", "Vaginal"),
];

/// The most characters that are kept of a route in the sender's words.
const MAX_ROUTE_CHARS: usize = 64;

/// Route and form of an order, as far as dm+d has words for them; of another route the sender's
/// code or words.
pub(super) fn of(request: &MedicationRequest) -> Option<Box<Way>> {
    let concept = request.dosage_instruction.first().and_then(|dosage| dosage.route.as_ref());
    let route = concept
        .and_then(|concept| coded(concept).or_else(|| by_table(concept)).or_else(|| said(concept)));
    let form = form(request);
    (route.is_some() || form.is_some()).then(|| Box::new(Way { route, form }))
}

/// A code of dm+d, which is one of SNOMED CT.
fn coded(concept: &CodeableConcept) -> Option<Box<str>> {
    let systems = [fhir::systems::SNOMED, fhir::systems::DMD];
    let code = systems.into_iter().find_map(|system| concept.code_in(system))?;
    Some(code.into())
}

fn by_table(concept: &CodeableConcept) -> Option<Box<str>> {
    let mut codes = concept.coding.iter().filter_map(|coding| coding.code.as_deref());
    let known = |code: &str| ROUTES.iter().find(|(hl7, _)| hl7.eq_ignore_ascii_case(code));
    codes.find_map(known).map(|(_, name)| (*name).into())
}

/// The code of a route that nobody knows here, else its words, at most [`MAX_ROUTE_CHARS`] of it.
fn said(concept: &CodeableConcept) -> Option<Box<str>> {
    let code = concept.coding.iter().find_map(|coding| coding.code.as_deref());
    let said = code.or(concept.text.as_deref())?.trim();
    let short: String = said.chars().take(MAX_ROUTE_CHARS).collect();
    (!short.is_empty()).then(|| short.into())
}

/// The form of the medicine that the order brings with it.
fn form(request: &MedicationRequest) -> Option<Box<str>> {
    let medication = request
        .contained
        .iter()
        .find_map(|resource| serde_json::from_str::<Medication>(resource.get()).ok())?;
    let form = medication.form?;
    coded(&form).or_else(|| Some(form.text?.into()))
}
