//! MFN^M02 and PMU^B01 to B06: members of staff.
//!
//! STF is a Practitioner, known by the staff number (STF-1, else STF-2), by which orders and
//! removals name the same person; PRA is a PractitionerRole. What a person may do at a cabinet is
//! the site's configuration and does not change by these messages. Parked: a person without a
//! number.

use fhir::ResourceType;
use fhir::resources::{AdministrativeGender, Practitioner, PractitionerRole};
use fhir::types::{Identifier, Reference};
use hl7v2::Segment;
use medicines::filing::{Content, How, Sheet, id_of};
use medicines::{Problem, ProblemCode, Request};

use super::map::coded::{self, Local};
use super::map::{filing, pid};
use super::source::{Source, missing, trimmed};

/// The most members of staff in one message.
const MAX_STAFF: usize = 900;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let event = source.event().into_owned();
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut in_use = in_use_by_event(&event);
    let mut person: Option<(Identifier, bool)> = None;
    for segment in source.message.iter() {
        match segment.name() {
            "MFE" => in_use = in_use_by_entry(&segment.text(1, 1)),
            "STF" => {
                if sheets.len() >= 2 * MAX_STAFF {
                    let text = "there are more members of staff than are taken in one message";
                    return Err(source.problem(ProblemCode::BadValue, &segment, 1, text));
                }
                let (number, sheet) = member(source, &segment, in_use)?;
                let active = in_use.unwrap_or(true);
                person = Some((number, active));
                sheets.push(sheet);
            }
            "PRA" => {
                if let Some((number, active)) = &person {
                    sheets.push(role(source, &segment, number, *active));
                }
            }
            _ => {}
        }
    }
    if person.is_none() {
        return Err(missing("STF"));
    }
    Ok(filing::about_nobody(source, sheets))
}

/// B02 is a change and says nothing of it; B03 deletes and B05 ends the use of a record.
fn in_use_by_event(event: &str) -> Option<bool> {
    match event {
        "B01" | "B04" => Some(true),
        "B03" | "B05" | "B06" => Some(false),
        _ => None,
    }
}

/// HL7 table 0180.
fn in_use_by_entry(code: &str) -> Option<bool> {
    match code.trim() {
        "MAD" | "MAC" => Some(true),
        "MDL" | "MDC" => Some(false),
        _ => None,
    }
}

fn member(
    source: &Source<'_, '_>,
    stf: &Segment<'_>,
    in_use: Option<bool>,
) -> Result<(Identifier, Sheet), Problem> {
    let system = source.systems().staff();
    let numbers = [1, 2].map(|field| trimmed(stf.text(field, 1)));
    let number = numbers.into_iter().find(|number| !number.is_empty()).ok_or_else(|| {
        let text = "the member of staff has no number";
        source.problem(ProblemCode::FieldMissing, stf, 1, text)
    })?;
    let number = Identifier::of(system, &number);
    let mut person = Practitioner::new();
    person.identifier.push(number.clone());
    for cx in stf.field(2).repetitions().take(16) {
        let (value, kind) =
            (trimmed(cx.component(1).text()), trimmed(cx.component(4).subcomponent(1).text()));
        if value.is_empty() || number.value.as_deref() == Some(&*value) {
            continue;
        }
        let system = match &*kind {
            "GMC" => fhir::systems::GMC.to_owned(),
            "NMC" => fhir::systems::NMC.to_owned(),
            "GPhC" | "GPHC" => fhir::systems::GPHC.to_owned(),
            "" => source.systems().local("staff-other"),
            other => source.systems().local(&format!("staff-{other}")),
        };
        person.identifier.push(Identifier::of(&system, &value));
    }
    person.name = stf.field(3).repetitions().take(8).filter_map(|xpn| pid::name(&xpn)).collect();
    person.active = match (in_use, stf.text(7, 1).trim()) {
        (Some(false), _) | (_, "I") => Some(false),
        (Some(true), _) | (_, "A") => Some(true),
        _ => None,
    };
    person.gender = match stf.text(5, 1).trim() {
        "M" => Some(AdministrativeGender::Male),
        "F" => Some(AdministrativeGender::Female),
        "O" | "A" | "N" => Some(AdministrativeGender::Other),
        _ => None,
    };
    let phones = stf.field(10).repetitions().take(8);
    person.telecom = phones.filter_map(|xtn| pid::work_contact(&xtn)).collect();
    person.address =
        stf.field(11).repetitions().take(8).filter_map(|xad| pid::address(&xad)).collect();
    let content = Content::Practitioner(Box::new(person));
    Ok((number.clone(), Sheet { number: filing::number_of(&number), content, how: How::Change }))
}

fn role(source: &Source<'_, '_>, pra: &Segment<'_>, person: &Identifier, active: bool) -> Sheet {
    let mut role = PractitionerRole::new();
    let key = filing::number_of(person);
    let id = id_of(source.channel.site(), ResourceType::Practitioner, &key);
    let mut practitioner = Reference::to(ResourceType::Practitioner, &id);
    practitioner.identifier = Some(Box::new(person.clone()));
    role.identifier.push(person.clone());
    role.practitioner = Some(practitioner);
    role.active = Some(active);
    role.code = coded::all(source, &pra.field(3), Local::Of("staff-category"));
    role.specialty = coded::all(source, &pra.field(5), Local::Of("specialty"));
    let content = Content::PractitionerRole(Box::new(role));
    Sheet { number: key, content, how: How::Whole }
}
