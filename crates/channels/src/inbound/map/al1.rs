//! AL1 to AllergyIntolerance.

use fhir::resources::{
    AllergyCategory, AllergyCriticality, AllergyIntolerance, AllergyKind, AllergyReaction,
    AllergySeverity,
};
use fhir::types::{CodeableConcept, Reference};
use hl7v2::Segment;
use medicines::{Problem, ProblemCode};

use super::coded::{self, Local};
use super::time;
use crate::inbound::source::{Doubt, Source, trimmed};

/// The most allergies that a message may list.
const MAX_ALLERGIES: usize = 256;

/// The system of reasons why something is not said.
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";

/// The allergies that the message lists, or `None` where it has no AL1. An AL1 whose allergen is
/// HL7 null lists none, which says that there are none on record.
pub(crate) fn allergies(
    source: &Source<'_, '_>,
) -> Result<Option<Vec<AllergyIntolerance>>, Problem> {
    let mut allergies: Option<Vec<AllergyIntolerance>> = None;
    for al1 in source.message.segments("AL1") {
        let list = allergies.get_or_insert_default();
        if al1.field(3).is_null() {
            continue;
        }
        if list.len() == MAX_ALLERGIES {
            let text = "there are more allergies than are taken";
            return Err(source.problem(ProblemCode::BadValue, &al1, 3, text));
        }
        list.push(allergy(source, &al1, 6)?);
    }
    Ok(allergies)
}

/// An allergy of AL1 or IAM, which differ in the field that tells its onset.
pub(crate) fn allergy(
    source: &Source<'_, '_>,
    al1: &Segment<'_>,
    onset: usize,
) -> Result<AllergyIntolerance, Problem> {
    // An allergy without its allergen must not be dropped in silence.
    let code = coded::first(source, &al1.field(3), Local::Of("allergen")).ok_or_else(|| {
        let text = "the allergy does not say to what";
        source.problem(ProblemCode::FieldMissing, al1, 3, text)
    })?;
    let mut allergy = AllergyIntolerance::new(Reference::default());
    allergy.code = Some(code);
    let active = CodeableConcept::of(fhir::systems::ALLERGY_CLINICAL_STATUS, "active", None);
    allergy.clinical_status = Some(active);
    let (kind, category) = kind(&trimmed(al1.text(2, 1)));
    allergy.kind = kind;
    allergy.category.extend(category);
    let severity = severity(&trimmed(al1.text(4, 1)));
    allergy.criticality = match severity {
        Some(AllergySeverity::Severe) => Some(AllergyCriticality::High),
        Some(AllergySeverity::Mild) => Some(AllergyCriticality::Low),
        // The map that HL7 publishes for table 0128 gives a moderate severity no criticality.
        Some(AllergySeverity::Moderate) | None => None,
    };
    allergy.reaction.extend(reaction(al1, severity));
    match source.stated(al1, onset) {
        Ok(Some(dtm)) => allergy.onset_date_time = Some(time::date_time(source, al1, onset, dtm)?),
        Ok(None) => {}
        Err(_) => source.doubt(Doubt::LeftOut { location: source.place(al1, onset) }),
    }
    Ok(allergy)
}

/// HL7 table 0127.
fn kind(code: &str) -> (Option<AllergyKind>, Option<AllergyCategory>) {
    use AllergyCategory as C;
    let allergy = Some(AllergyKind::Allergy);
    match code {
        "DA" => (allergy, Some(C::Medication)),
        "FA" => (allergy, Some(C::Food)),
        "AA" | "EA" | "LA" | "PA" => (allergy, Some(C::Environment)),
        "MA" => (allergy, None),
        "MC" => (Some(AllergyKind::Intolerance), None),
        _ => (None, None),
    }
}

/// HL7 table 0128.
fn severity(code: &str) -> Option<AllergySeverity> {
    match code {
        "SV" => Some(AllergySeverity::Severe),
        "MO" => Some(AllergySeverity::Moderate),
        "MI" => Some(AllergySeverity::Mild),
        _ => None,
    }
}

/// A severity is shared even where no reaction is told (UK Core: manifestation `NI`).
fn reaction(al1: &Segment<'_>, severity: Option<AllergySeverity>) -> Option<AllergyReaction> {
    let told = al1.field(5).repetitions().take(MAX_ALLERGIES);
    let told = told.map(|st| st.free_text().trim().to_owned()).filter(|text| !text.is_empty());
    let mut manifestation: Vec<_> = told.map(|text| CodeableConcept::from_text(&text)).collect();
    if manifestation.is_empty() {
        severity?;
        manifestation.push(CodeableConcept::of(NULL_FLAVOR, "NI", Some("No information")));
    }
    let mut reaction = AllergyReaction::new(manifestation);
    reaction.severity = severity;
    Some(reaction)
}
