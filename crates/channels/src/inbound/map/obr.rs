//! OBR to DiagnosticReport (HL7 2.5.1 §4.5.3).

use fhir::resources::{DiagnosticReport, DiagnosticReportStatus};
use fhir::types::{CodeableConcept, Identifier, Period, Reference};
use hl7v2::Segment;
use medicines::{Problem, ProblemCode};

use super::coded::{self, Local};
use super::{filing, identifier, staff};
use crate::inbound::source::{Source, trimmed};

/// The system of HL7 table 0074 (diagnostic service section).
const TABLE_0074: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";

/// A report with what its results are known by.
pub(crate) struct Told {
    pub(crate) report: DiagnosticReport,
    /// What the report is known by.
    pub(crate) number: String,
    /// From when to when the results are true, where they do not say it themselves.
    pub(crate) effective: Option<Period>,
}

/// Reads an OBR with the ORC before it.
pub(crate) fn read(
    source: &Source<'_, '_>,
    orc: Option<&Segment<'_>>,
    obr: &Segment<'_>,
) -> Result<Told, Problem> {
    let code = coded::first(source, &obr.field(4), Local::Of("service")).ok_or_else(|| {
        let text = "the report does not say what was looked for";
        source.problem(ProblemCode::FieldMissing, obr, 4, text)
    })?;
    let letter = trimmed(obr.text(25, 1));
    let status = status(&letter).ok_or_else(|| {
        let text = "this report status is not in HL7 table 0123";
        source.problem(ProblemCode::UnknownCode, obr, 25, text)
    })?;
    let placer = identifier::placer(source, obr)
        .or_else(|| orc.and_then(|orc| identifier::placer(source, orc)));
    let filler = identifier::filler(source, obr)
        .or_else(|| orc.and_then(|orc| identifier::filler(source, orc)));
    let number = number(source, obr, filler.as_ref().or(placer.as_ref()), &code);
    let mut report = DiagnosticReport::new(status, code);
    let request = placer.clone().map(|placer| Reference {
        kind: Some("ServiceRequest".to_owned()),
        identifier: Some(Box::new(placer)),
        ..Reference::default()
    });
    report.based_on.extend(request);
    report.identifier.extend(placer);
    report.identifier.extend(filler);
    let section = trimmed(obr.text(24, 1));
    if !section.is_empty() {
        report.category.push(CodeableConcept::of(TABLE_0074, &section, None));
    }
    let (start, end) = (filing::date_time(source, obr, 7), filing::date_time(source, obr, 8));
    let effective = start.is_some().then_some(Period { start, end });
    apply(effective.as_ref(), &mut report.effective_date_time, &mut report.effective_period);
    report.issued = filing::instant(source, obr, 22);
    report.results_interpreter.extend(interpreter(source, obr));
    report.specimen.extend(old_specimen(obr));
    Ok(Told { report, number, effective })
}

/// Says a time as a point where it has no end.
pub(crate) fn apply(
    effective: Option<&Period>,
    point: &mut Option<fhir::DateTime>,
    stretch: &mut Option<Period>,
) {
    match effective {
        Some(Period { start, end: None }) => point.clone_from(start),
        Some(period) => *stretch = Some(period.clone()),
        None => {}
    }
}

/// What a report is known by: its order and what was looked for. Where the sender gives no order
/// number, the patient, what was looked for and when; where it does not even say when, the
/// message, which then tells of something that no other message can change.
fn number(
    source: &Source<'_, '_>,
    obr: &Segment<'_>,
    order: Option<&Identifier>,
    code: &CodeableConcept,
) -> String {
    let code = filing::key_of(code);
    if let Some(order) = order {
        return format!("{}|{code}", filing::number_of(order));
    }
    let sender = source.header().sending_application();
    let when = trimmed(obr.text(7, 1));
    if when.is_empty() {
        return format!("{sender}|{}|{code}", source.header().control_id());
    }
    format!("{sender}|{}|{when}|{code}", filing::patient_key(source))
}

/// HL7 table 0123. `M` is corrected and not final; `Y` and `Z` say that something is not known.
fn status(letter: &str) -> Option<DiagnosticReportStatus> {
    use DiagnosticReportStatus as S;
    Some(match letter {
        "O" | "I" | "S" | "N" => S::Registered,
        "A" | "R" => S::Partial,
        "P" | "M" => S::Preliminary,
        "F" | "U" => S::Final,
        "C" => S::Corrected,
        "X" => S::Cancelled,
        "D" | "W" => S::EnteredInError,
        "" | "Y" | "Z" => S::Unknown,
        _ => return None,
    })
}

/// OBR-32 (NDL): its first component is the person, in subcomponents.
fn interpreter(source: &Source<'_, '_>, obr: &Segment<'_>) -> Option<Reference> {
    let person = obr.field(32).repetition(1).component(1);
    let part = |number: usize| trimmed(person.subcomponent(number).text());
    let (id, name) = (part(1), staff::name(&part(2), &part(3)));
    let id = (!id.is_empty()).then(|| Identifier::of(source.systems().staff(), &id));
    filing::outside("Practitioner", id, &name)
}

/// OBR-15 of senders before 2.5 (SPS): its first component says what the specimen is.
fn old_specimen(obr: &Segment<'_>) -> Option<Reference> {
    let source = obr.field(15).component(1);
    let part = |number: usize| trimmed(source.subcomponent(number).text());
    let words = if part(2).is_empty() { part(1) } else { part(2) };
    filing::outside("Specimen", None, &words)
}

/// SPM: the specimen by its number (SPM-2) and kind (SPM-4).
pub(crate) fn specimen(source: &Source<'_, '_>, spm: &Segment<'_>) -> Option<Reference> {
    let numbers = spm.field(2).repetition(1);
    // SPM-2 is a pair: the placer's number in component 1, the filler's in component 2.
    let number =
        [2, 1].map(|component| trimmed(numbers.component(component).subcomponent(1).text()));
    let number = number.into_iter().find(|number| !number.is_empty());
    let id = number.map(|number| Identifier::of(&source.systems().local("specimen"), &number));
    filing::outside("Specimen", id, &coded::words(&spm.field(4).repetition(1)))
}
