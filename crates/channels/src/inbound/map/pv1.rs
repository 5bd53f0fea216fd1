//! PV1 to Encounter, and the ward.

use fhir::ResourceType;
use fhir::resources::{
    Encounter, EncounterLocation, EncounterLocationStatus, EncounterParticipant, EncounterStatus,
};
use fhir::systems::{ACT_CODE, LOCATION_PHYSICAL_TYPE, PARTICIPATION_TYPE};
use fhir::types::{CodeableConcept, Coding, Identifier, Period, Reference};
use hl7v2::Segment;
use medicines::Problem;
use medicines::patients::PatientEvent;

use super::coded::{self, Local};
use super::{identifier, staff, time};
use crate::inbound::source::{Source, trimmed};

/// The system of HL7 table 0004.
const TABLE_0004: &str = "http://terminology.hl7.org/CodeSystem/v2-0004";
/// The system of reasons why something is not said.
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";

/// The point of care (PV1-3.1), where the message tells it.
pub(crate) fn ward(pv1: &Segment<'_>) -> Option<String> {
    let ward = trimmed(pv1.text(3, 1));
    (!ward.is_empty()).then(|| ward.into_owned())
}

/// The encounter as the event leaves it.
pub(crate) fn encounter(
    source: &Source<'_, '_>,
    pv1: &Segment<'_>,
    event: PatientEvent,
) -> Result<Encounter, Problem> {
    let mut encounter = Encounter::new(status(pv1, event), class(pv1));
    encounter.identifier.extend(visit(source, pv1));
    encounter.period = period(source, pv1)?;
    encounter.location = locations(source, pv1, encounter.status);
    encounter.service_type = coded::first(source, &pv1.field(10), Local::Of("service"));
    if let Some(individual) = staff::reference(source, &pv1.field(7).repetition(1)) {
        encounter.participant.push(EncounterParticipant {
            kind: vec![CodeableConcept::of(PARTICIPATION_TYPE, "ATND", Some("attender"))],
            individual: Some(individual),
            ..EncounterParticipant::default()
        });
    }
    Ok(encounter)
}

fn status(pv1: &Segment<'_>, event: PatientEvent) -> EncounterStatus {
    use PatientEvent as E;
    match event {
        E::A03 => EncounterStatus::Finished,
        E::A11 => EncounterStatus::Cancelled,
        E::A08 if !pv1.field(45).is_absent() && !pv1.field(45).is_null() => {
            EncounterStatus::Finished
        }
        E::A08 if pv1.text(2, 1).trim() == "P" => EncounterStatus::Planned,
        _ => EncounterStatus::InProgress,
    }
}

/// HL7 table 0004 as v3-ActCode, by the published map; a class without a match keeps its code.
fn class(pv1: &Segment<'_>) -> Coding {
    let code = trimmed(pv1.text(2, 1));
    match &*code {
        "I" | "B" => Coding::of(ACT_CODE, "IMP", Some("inpatient encounter")),
        "O" | "R" => Coding::of(ACT_CODE, "AMB", Some("ambulatory")),
        "E" => Coding::of(ACT_CODE, "EMER", Some("emergency")),
        "P" => Coding::of(ACT_CODE, "PRENC", Some("pre-admission")),
        "" => Coding::of(NULL_FLAVOR, "UNK", None),
        other => Coding::of(TABLE_0004, other, None),
    }
}

/// PV1-19, or PV1-50 of senders that keep the visit there.
fn visit(source: &Source<'_, '_>, pv1: &Segment<'_>) -> Option<Identifier> {
    let number = [19, 50].map(|field| trimmed(pv1.text(field, 1)));
    let number = number.into_iter().find(|number| !number.is_empty())?;
    Some(identifier::typed("VN", Identifier::of(source.systems().visit(), &number)))
}

fn period(source: &Source<'_, '_>, pv1: &Segment<'_>) -> Result<Option<Period>, Problem> {
    let read = |field: usize| -> Result<_, Problem> {
        let stated = source.stated(pv1, field)?;
        stated.map(|dtm| time::date_time(source, pv1, field, dtm)).transpose()
    };
    let period = Period { start: read(44)?, end: read(45)? };
    Ok((period.start.is_some() || period.end.is_some()).then_some(period))
}

/// The ward comes first and is where the patient is, or was at the end; room and bed follow it.
fn locations(
    source: &Source<'_, '_>,
    pv1: &Segment<'_>,
    status: EncounterStatus,
) -> Vec<EncounterLocation> {
    let over = matches!(status, EncounterStatus::Finished | EncounterStatus::Cancelled);
    let there =
        if over { EncounterLocationStatus::Completed } else { EncounterLocationStatus::Active };
    let parts = [(1, "wa", "ward"), (2, "ro", "room"), (3, "bd", "bed")];
    let location = |(component, kind, name): (usize, &str, &str)| {
        let value = trimmed(pv1.text(3, component));
        if value.is_empty() {
            return None;
        }
        let identifier = Identifier::of(&source.systems().local(name), &value);
        let place = Reference::by_identifier(ResourceType::Location, identifier);
        let place = Reference { display: Some(value.into_owned()), ..place };
        let mut location = EncounterLocation::new(place);
        location.status = (name == "ward").then_some(there);
        location.physical_type = Some(CodeableConcept::of(LOCATION_PHYSICAL_TYPE, kind, None));
        Some(location)
    };
    // A room without a ward is no place that anybody could find.
    if pv1.text(3, 1).trim().is_empty() {
        return Vec::new();
    }
    parts.into_iter().filter_map(location).collect()
}
