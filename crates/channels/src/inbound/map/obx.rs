//! OBX to Observation (HL7 2.5.1 §7.4.2).

use fhir::resources::{Observation, ObservationStatus};
use fhir::systems::{DATA_ABSENT_REASON, LOINC, OBSERVATION_CATEGORY};
use fhir::types::{CodeableConcept, Identifier, Reference};
use hl7v2::Segment;
use medicines::filing::How;
use medicines::{Problem, ProblemCode};

use super::coded::{self, Local};
use super::{filing, staff, value};
use crate::inbound::source::{Source, trimmed};

/// The LOINC codes of the vital signs (R4 vital signs profiles, and NEWS2 inspired oxygen).
const VITAL_SIGNS: [&str; 14] = [
    "85353-1", "9279-1", "8867-4", "2708-6", "59408-5", "8310-5", "8302-2", "9843-4", "29463-7",
    "39156-5", "85354-9", "8480-6", "8462-4", "8478-0",
];

/// One observation, and what its status does to what is known of it.
pub(crate) struct Told {
    pub(crate) observation: Observation,
    pub(crate) how: How,
    /// Whether further segments of the same code and sub-id go on with its words.
    pub(crate) is_text: bool,
}

/// Reads an OBX.
pub(crate) fn read(source: &Source<'_, '_>, obx: &Segment<'_>) -> Result<Told, Problem> {
    let code = coded::first(source, &obx.field(3), Local::Of("observation")).ok_or_else(|| {
        let text = "the result does not say what was observed";
        source.problem(ProblemCode::FieldMissing, obx, 3, text)
    })?;
    let letter = trimmed(obx.text(11, 1));
    let status = status(&letter).ok_or_else(|| {
        let text = "this result status is not in HL7 table 0085";
        source.problem(ProblemCode::UnknownCode, obx, 11, text)
    })?;
    let mut told = Observation::new(status, code);
    value::read(source, obx, &mut told);
    if letter == "X" {
        let reason = CodeableConcept::of(DATA_ABSENT_REASON, "error", Some("Error"));
        told.data_absent_reason = Some(reason);
    }
    told.interpretation = value::interpretation(obx);
    told.reference_range.extend(value::reference_range(obx));
    told.effective_date_time = filing::date_time(source, obx, 14);
    told.issued = filing::instant(source, obx, 19);
    told.method = coded::first(source, &obx.field(17), Local::Of("method"));
    told.performer = performers(source, obx);
    told.device = device(source, obx);
    if told.code.code_in(LOINC).is_some_and(|code| VITAL_SIGNS.contains(&code)) {
        told.category.push(CodeableConcept::of(OBSERVATION_CATEGORY, "vital-signs", None));
    }
    let is_text = matches!(obx.text(2, 1).trim(), "" | "ST" | "TX" | "FT");
    let how = if letter == "U" { How::Change } else { How::Whole };
    Ok(Told { observation: told, how, is_text })
}

/// HL7 table 0085. `N` (not asked) is an observation that was not begun.
fn status(letter: &str) -> Option<ObservationStatus> {
    use ObservationStatus as S;
    Some(match letter {
        "F" | "V" | "U" => S::Final,
        "C" => S::Corrected,
        "A" | "B" => S::Amended,
        "P" | "R" | "S" => S::Preliminary,
        "I" | "O" => S::Registered,
        "X" | "N" => S::Cancelled,
        "D" | "W" => S::EnteredInError,
        "" => S::Unknown,
        _ => return None,
    })
}

fn performers(source: &Source<'_, '_>, obx: &Segment<'_>) -> Vec<Reference> {
    let producer = obx.field(15).repetition(1);
    let id = trimmed(producer.component(1).text());
    let id = (!id.is_empty()).then(|| Identifier::of(&source.systems().local("organisation"), &id));
    let producer = filing::outside("Organization", id, &coded::words(&producer));
    let people = obx.field(16).repetitions().take(8);
    let people = people.filter_map(|xcn| staff::reference(source, &xcn));
    producer.into_iter().chain(people).collect()
}

/// OBX-18, the device as its peer names it.
fn device(source: &Source<'_, '_>, obx: &Segment<'_>) -> Option<Reference> {
    let ei = obx.field(18).repetition(1);
    let identifier = filing::entity(source, &ei, "device")?;
    let display = identifier.value.clone().unwrap_or_default();
    filing::outside("Device", Some(identifier), &display)
}
