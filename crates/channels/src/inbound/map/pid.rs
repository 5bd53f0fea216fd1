//! PID to Patient.

use std::borrow::Cow;

use fhir::resources::{AdministrativeGender, Patient};
use fhir::types::{
    Address, AddressType, AddressUse, ContactPoint, ContactPointSystem, ContactPointUse, HumanName,
    NameUse,
};
use hl7v2::{Presence, Repetition, Segment};
use medicines::Problem;

use super::{identifier, time};
use crate::inbound::source::{Doubt, Source, trimmed};

/// The most names, addresses and numbers of one kind that are read.
const MAX_REPETITIONS: usize = 16;

/// A patient as far as the message tells, and the elements that it deletes by HL7 null (`""`).
pub(crate) struct Told {
    pub(crate) patient: Patient,
    pub(crate) deleted: Vec<&'static str>,
}

/// Reads PID. What is not sent stays empty, which means unchanged (HL7 2.5.1 §2.5.3).
pub(crate) fn patient(source: &Source<'_, '_>, pid: &Segment<'_>) -> Result<Told, Problem> {
    let mut patient = Patient::new();
    let mut deleted = Vec::new();
    patient.identifier = identifier::need_patient(source, pid)?;
    patient.name = names(pid);
    if patient.name.is_empty() && pid.field(5).is_null() {
        deleted.push("name");
    }
    birth_date(source, pid, &mut patient, &mut deleted);
    gender(source, pid, &mut patient, &mut deleted);
    patient.address = repetitions(pid, 11).filter_map(|xad| address(&xad)).collect();
    if pid.field(11).is_null() {
        deleted.push("address");
    }
    let home = repetitions(pid, 13).filter_map(|xtn| contact(&xtn, ContactPointUse::Home));
    let work = repetitions(pid, 14).filter_map(|xtn| contact(&xtn, ContactPointUse::Work));
    patient.telecom = home.chain(work).collect();
    let silenced = pid.field(13).is_null() || pid.field(14).is_null();
    if silenced && patient.telecom.is_empty() {
        deleted.push("telecom");
    }
    death(source, pid, &mut patient, &mut deleted)?;
    Ok(Told { patient, deleted })
}

fn repetitions<'a>(
    pid: &Segment<'a>,
    field: usize,
) -> impl Iterator<Item = Repetition<'a>> + use<'a> {
    pid.field(field).repetitions().take(MAX_REPETITIONS)
}

fn names(pid: &Segment<'_>) -> Vec<HumanName> {
    repetitions(pid, 5).filter_map(|xpn| name(&xpn)).collect()
}

/// XPN (HL7 2.5.1 §2.A.88), with the uses of table 0200 that FHIR has too.
pub(crate) fn name(xpn: &Repetition<'_>) -> Option<HumanName> {
    let text = |component: usize| trimmed(xpn.component(component).text());
    let several = |component: usize| -> Vec<String> {
        text(component).split_whitespace().map(str::to_owned).collect()
    };
    let mut given: Vec<String> = Vec::new();
    let first = text(2);
    if !first.is_empty() {
        given.push(first.into_owned());
    }
    given.extend(several(3));
    let name = HumanName {
        purpose: match &*text(7) {
            "L" => Some(NameUse::Official),
            "D" => Some(NameUse::Usual),
            "M" => Some(NameUse::Maiden),
            "N" => Some(NameUse::Nickname),
            "S" => Some(NameUse::Anonymous),
            "TEMP" => Some(NameUse::Temp),
            _ => None,
        },
        family: some(text(1)),
        given,
        prefix: several(5),
        suffix: several(4),
        ..HumanName::default()
    };
    (name.family.is_some() || !name.given.is_empty()).then_some(name)
}

fn birth_date(
    source: &Source<'_, '_>,
    pid: &Segment<'_>,
    patient: &mut Patient,
    deleted: &mut Vec<&'static str>,
) {
    match pid.field(7).time() {
        Presence::Absent => {}
        Presence::Null => deleted.push("birthDate"),
        Presence::Value(dtm) => {
            patient.birth_date = dtm.ok().and_then(time::date);
            // Senders write 00000000 for an unknown date; nothing is stored that was not told.
            if patient.birth_date.is_none() {
                source.doubt(Doubt::LeftOut { location: source.place(pid, 7) });
            }
        }
    }
}

/// HL7 table 0001, and the figures of the NHS Data Dictionary that some senders write.
fn gender(
    source: &Source<'_, '_>,
    pid: &Segment<'_>,
    patient: &mut Patient,
    deleted: &mut Vec<&'static str>,
) {
    let code = match pid.value(8, 1) {
        Presence::Absent => return,
        Presence::Null => return deleted.push("gender"),
        Presence::Value(code) => trimmed(code),
    };
    patient.gender = Some(match &*code {
        "M" | "m" | "1" => AdministrativeGender::Male,
        "F" | "f" | "2" => AdministrativeGender::Female,
        "O" | "A" | "N" | "I" | "9" => AdministrativeGender::Other,
        "U" | "0" => AdministrativeGender::Unknown,
        _ => {
            source.doubt(Doubt::LeftOut { location: source.place(pid, 8) });
            return;
        }
    });
}

/// XAD (HL7 2.5.1 §2.A.82).
pub(crate) fn address(xad: &Repetition<'_>) -> Option<Address> {
    let text = |component: usize| trimmed(xad.component(component).text());
    let street = [1, 2, 3].map(|part| trimmed(xad.component(1).subcomponent(part).text()));
    // SAD.1 is the whole line; SAD.2 and SAD.3 are its street and number (HL7 2.5.1 §2.A.63).
    let [whole, street, number] = street;
    let parts = if whole.is_empty() { format!("{number} {street}") } else { whole.into_owned() };
    let street = parts.trim().to_owned();
    let line = [Cow::Owned(street), text(2)];
    let kind = text(7);
    let address = Address {
        purpose: match &*kind {
            "H" | "L" | "P" => Some(AddressUse::Home),
            "B" | "O" => Some(AddressUse::Work),
            "C" => Some(AddressUse::Temp),
            "BA" => Some(AddressUse::Old),
            "BI" => Some(AddressUse::Billing),
            _ => None,
        },
        kind: (kind == "M").then_some(AddressType::Postal),
        line: line.into_iter().filter(|line| !line.is_empty()).map(Cow::into_owned).collect(),
        city: some(text(3)),
        district: some(text(9)),
        state: some(text(4)),
        postal_code: some(text(5)),
        country: some(text(6)),
        ..Address::default()
    };
    let told = !address.line.is_empty() || address.city.is_some() || address.postal_code.is_some();
    told.then_some(address)
}

/// XTN (HL7 2.5.1 §2.A.89), with tables 0201 and 0202.
fn contact(xtn: &Repetition<'_>, field_use: ContactPointUse) -> Option<ContactPoint> {
    let text = |component: usize| trimmed(xtn.component(component).text());
    let (purpose, equipment) = (text(2), text(3));
    let mail = matches!(&*equipment, "Internet" | "X.400") || purpose == "NET";
    let mail_address = text(4);
    let value = match (mail, mail_address.is_empty()) {
        (true, false) => mail_address,
        (true, true) => text(1),
        (false, _) => phone_number(&text),
    };
    if value.is_empty() {
        return None;
    }
    let mobile = equipment == "CP" || purpose == "PRS" && equipment.is_empty();
    Some(ContactPoint {
        system: Some(match &*equipment {
            _ if mail => ContactPointSystem::Email,
            "FX" => ContactPointSystem::Fax,
            "BP" => ContactPointSystem::Pager,
            _ => ContactPointSystem::Phone,
        }),
        value: Some(value.into_owned()),
        purpose: Some(match &*purpose {
            _ if mobile => ContactPointUse::Mobile,
            "PRN" => ContactPointUse::Home,
            "WPN" => ContactPointUse::Work,
            _ => field_use,
        }),
        ..ContactPoint::default()
    })
}

/// A way to reach somebody at work.
pub(crate) fn work_contact(xtn: &Repetition<'_>) -> Option<ContactPoint> {
    contact(xtn, ContactPointUse::Work)
}

/// The number as one text, else unformatted, else from its parts.
fn phone_number<'a>(text: &dyn Fn(usize) -> Cow<'a, str>) -> Cow<'a, str> {
    for whole in [1, 12] {
        let number = text(whole);
        if !number.is_empty() {
            return number;
        }
    }
    Cow::Owned([text(6), text(7)].concat())
}

/// PID-29 and PID-30. FHIR has one element of either type, so telling one deletes the other.
fn death(
    source: &Source<'_, '_>,
    pid: &Segment<'_>,
    patient: &mut Patient,
    deleted: &mut Vec<&'static str>,
) -> Result<(), Problem> {
    if let Some(dtm) = source.stated(pid, 29)? {
        patient.deceased_date_time = Some(time::date_time(source, pid, 29, dtm)?);
        deleted.push("deceasedBoolean");
        return Ok(());
    }
    match &*trimmed(pid.text(30, 1)) {
        "Y" => patient.deceased_boolean = Some(true),
        "N" => {
            patient.deceased_boolean = Some(false);
            deleted.push("deceasedDateTime");
        }
        _ if pid.field(29).is_null() || pid.field(30).is_null() => {
            deleted.extend(["deceasedDateTime", "deceasedBoolean"]);
        }
        _ => {}
    }
    Ok(())
}

fn some(text: Cow<'_, str>) -> Option<String> {
    (!text.is_empty()).then(|| text.into_owned())
}
