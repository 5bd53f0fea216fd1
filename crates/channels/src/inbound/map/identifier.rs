//! CX and EI: identifiers of patients, visits and orders.

use std::borrow::Cow;

use fhir::systems::{IDENTIFIER_TYPE, NHS_NUMBER};
use fhir::types::{CodeableConcept, Identifier};
use hl7v2::{Component, Repetition, Segment};
use medicines::{Problem, ProblemCode};

use crate::inbound::source::{Source, trimmed};

/// The most identifiers of one patient that a message may list.
pub(crate) const MAX_IDENTIFIERS: usize = 32;

/// All identifiers of the patient: PID-3, else of old senders PID-19, PID-18 or PID-2.
pub(crate) fn of_patient(
    source: &Source<'_, '_>,
    pid: &Segment<'_>,
) -> Result<Vec<Identifier>, Problem> {
    let listed = list(source, pid, 3)?;
    if !listed.is_empty() {
        return Ok(listed);
    }
    // PID-19 held the national number before HL7 2.3.1. Its check digit says whether it does.
    let national = nhs_value(&pid.text(19, 1));
    if fhir::nhs_number::valid(&national) {
        return Ok(vec![Identifier::of(NHS_NUMBER, &national)]);
    }
    let account = trimmed(pid.text(18, 1));
    if !account.is_empty() {
        let kind = trimmed(pid.text(18, 5));
        let kind = if kind.is_empty() { Cow::Borrowed("AN") } else { kind };
        return Ok(vec![patient_identifier(source, &pid.field(18).repetition(1), &kind)]);
    }
    list(source, pid, 2)
}

/// The same, for a message that is about a patient.
pub(crate) fn need_patient(
    source: &Source<'_, '_>,
    pid: &Segment<'_>,
) -> Result<Vec<Identifier>, Problem> {
    let identifiers = of_patient(source, pid)?;
    if identifiers.is_empty() {
        let text = "the message does not say which patient it is about";
        return Err(source.problem(ProblemCode::FieldMissing, pid, 3, text));
    }
    Ok(identifiers)
}

/// The patient identifiers of a repeating CX field.
pub(crate) fn list(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
) -> Result<Vec<Identifier>, Problem> {
    let bad = |text: &str| Err(source.problem(ProblemCode::BadValue, segment, field, text));
    let mut identifiers = Vec::new();
    for cx in segment.field(field).repetitions() {
        if identifiers.len() == MAX_IDENTIFIERS {
            return bad("there are more identifiers than are taken");
        }
        if cx.component(1).text().trim().is_empty() {
            continue;
        }
        let identifier = patient_identifier(source, &cx, &trimmed(cx.component(5).text()));
        let is_nhs_number = identifier.system.as_deref() == Some(NHS_NUMBER);
        if is_nhs_number && identifier.nhs_number().is_none() {
            return bad("the check digit of an NHS number is wrong");
        }
        identifiers.push(identifier);
    }
    Ok(identifiers)
}

fn patient_identifier(source: &Source<'_, '_>, cx: &Repetition<'_>, kind: &str) -> Identifier {
    let authority = cx.component(4);
    let name = trimmed(authority.subcomponent(1).text());
    let universal = trimmed(authority.subcomponent(2).text());
    let peer = &source.dialect().identifier_systems;
    let system = source.systems().patient(&name, &universal, kind, peer);
    let value = trimmed(cx.component(1).text());
    if system == NHS_NUMBER {
        return Identifier::of(NHS_NUMBER, &nhs_value(&value));
    }
    Identifier::of(&system, &value)
}

/// An NHS number without the spaces and hyphens that people group it with.
fn nhs_value(value: &str) -> String {
    value.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

/// A placer's order number (ORC-2), where there is one.
pub(crate) fn placer(source: &Source<'_, '_>, orc: &Segment<'_>) -> Option<Identifier> {
    entity(orc.field(2).component(1), orc.field(2).component(2))
        .map(|(number, namespace)| placer_of(source, &number, &namespace))
}

/// The placer's number of another order (ORC-8, data type EIP): component 1 is the placer's, its
/// subcomponents are number and namespace.
pub(crate) fn parent(source: &Source<'_, '_>, orc: &Segment<'_>) -> Option<Identifier> {
    let placer = orc.field(8).component(1);
    let number = trimmed(placer.subcomponent(1).text());
    let namespace = trimmed(placer.subcomponent(2).text());
    (!number.is_empty()).then(|| placer_of(source, &number, &namespace))
}

fn placer_of(source: &Source<'_, '_>, number: &str, namespace: &str) -> Identifier {
    typed("PLAC", Identifier::of(&source.systems().order(namespace), number))
}

/// A filler's order number (ORC-3), where there is one.
pub(crate) fn filler(source: &Source<'_, '_>, orc: &Segment<'_>) -> Option<Identifier> {
    let (number, namespace) = entity(orc.field(3).component(1), orc.field(3).component(2))?;
    let system = source.systems().filler_order(&namespace);
    Some(typed("FILL", Identifier::of(&system, &number)))
}

/// Number and namespace of an EI.
fn entity<'a>(
    number: Component<'a>,
    namespace: Component<'a>,
) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let number = trimmed(number.text());
    (!number.is_empty()).then(|| (number, trimmed(namespace.text())))
}

/// The identifier with its type of HL7 table 0203.
pub(crate) fn typed(kind: &str, identifier: Identifier) -> Identifier {
    Identifier { kind: Some(CodeableConcept::of(IDENTIFIER_TYPE, kind, None)), ..identifier }
}
