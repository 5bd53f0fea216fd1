//! Segments and data types that several messages share.

use fhir::DateTime;
use fhir::resources::{
    AdministrativeGender, Encounter, EncounterLocation, MedicationRequest, Patient,
};
use fhir::types::{
    CodeableConcept, Coding, Extension, HumanName, Identifier, NameUse, Quantity, Reference,
};
use hl7v2::MessageBuilder;
use hl7v2::time::{Precision, format_timestamp};

use medicines::patients::TOLD_AT;

use super::{RenderError, Voice};
use fhir::systems::{DMD, NHS_NUMBER, SNOMED};

/// The namespace of the ids that are ours (ORC-3.2).
pub(super) const OURS: &str = "INTERLOCK";

/// One HL7 coded element: code, text and the name of the coding system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) code: String,
    pub(super) text: String,
    pub(super) system: String,
}

/// A patient identifier as CX holds it: the value, CX-4.1, CX-4.2 and CX-5.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cx {
    value: String,
    authority: String,
    universal: String,
    kind: String,
}

/// Whether an identifier is a batch number.
pub(super) fn is_batch(identifier: &Identifier) -> bool {
    let system = identifier.system.as_deref().and_then(local_system);
    system.is_some_and(|(_, path)| path == "batch")
}

/// Whether an identifier is the pharmacy's prescription number (RXE-15).
pub(super) fn is_prescription(identifier: &Identifier) -> bool {
    let system = identifier.system.as_deref().and_then(local_system);
    system.is_some_and(|(_, path)| path == "prescription")
}

/// Whether somebody took part as a witness.
pub(super) fn is_witness(function: &CodeableConcept) -> bool {
    function.coding.iter().any(|coding| coding.code.as_deref() == Some("witness"))
}

/// When the message that made a version says that it happened.
pub(super) fn told_at(extensions: &[Extension]) -> Option<&DateTime> {
    extensions.iter().find(|extension| extension.url == TOLD_AT)?.value_date_time.as_ref()
}

/// A date of FHIR without its hyphens.
fn digits(date: &str) -> String {
    date.chars().filter(char::is_ascii_digit).collect()
}

/// What stands between `https://` and `.nhs.uk/Id/`, and what follows it.
fn local_system(system: &str) -> Option<(&str, &str)> {
    let rest = system.strip_prefix("https://")?;
    let (owner, path) = rest.split_once(".nhs.uk/Id/")?;
    (!owner.contains('/')).then_some((owner, path))
}

impl Voice {
    /// The coding as this peer writes it; `None` where no name of its system is agreed.
    pub(super) fn coded(&self, coding: &Coding) -> Option<Coded> {
        let code = coding.code.clone().filter(|code| !code.is_empty())?;
        let text = coding.display.clone().unwrap_or_default();
        let uri = coding.system.as_deref().unwrap_or_default();
        let system = self.coding_system(uri)?;
        Some(Coded { code, text, system })
    }

    /// The name of a coding system (CWE-3) by its URI: the peer's own, else the agreed one.
    fn coding_system(&self, uri: &str) -> Option<String> {
        let peer = &self.dialect().coding_systems;
        if let Some((name, _)) = peer.iter().find(|(_, known)| *known == uri) {
            return Some(name.clone());
        }
        let agreed = match uri {
            _ if uri == DMD => "DMD",
            _ if uri == SNOMED => "SCT",
            _ if self.is_local(uri) => "L",
            "http://unitsofmeasure.org" => "UCUM",
            _ => {
                let table = uri.strip_prefix("http://terminology.hl7.org/CodeSystem/v2-");
                let named = uri.strip_prefix("urn:hl7:coding-system:").map(str::to_owned);
                return table.map(|number| format!("HL7{number}")).or(named);
            }
        };
        // The peer may mean something else by the agreed name.
        (!peer.contains_key(agreed)).then(|| agreed.to_owned())
    }

    /// Whether a system is one of the site's own. A local code carries no more of its system than
    /// that it is local; the field in which it stands says the rest.
    fn is_local(&self, uri: &str) -> bool {
        let own = local_system(self.systems().item()).map(|(owner, _)| owner);
        own.is_some() && local_system(uri).map(|(owner, _)| owner) == own
    }

    /// The two triplets of a coded element, the local code first and the dm+d code second where
    /// there are both. A concept in words alone is a text in the first.
    pub(super) fn dual(&self, concept: &CodeableConcept) -> [Coded; 2] {
        let rank = |coded: &Coded| match coded.system.as_str() {
            "L" => 0,
            "DMD" => 1,
            "SCT" => 2,
            _ => 3,
        };
        let mut found: Vec<Coded> =
            concept.coding.iter().filter_map(|coding| self.coded(coding)).collect();
        found.sort_by_key(rank);
        let mut found = found.into_iter();
        let mut first = found.next().unwrap_or_default();
        if first.text.is_empty() {
            let words = concept.words().filter(|words| *words != first.code);
            first.text = words.map(str::to_owned).unwrap_or_default();
        }
        [first, found.next().unwrap_or_default()]
    }

    /// Writes a concept into a field; true where there was something to write.
    pub(super) fn concept(
        &self,
        message: &mut hl7v2::SegmentBuilder,
        field: usize,
        concept: &CodeableConcept,
    ) -> bool {
        let [first, second] = self.dual(concept);
        if first == Coded::default() {
            return false;
        }
        message.field(
            field,
            &[
                first.code.as_str(),
                &first.text,
                &first.system,
                &second.code,
                &second.text,
                &second.system,
            ],
        );
        true
    }

    /// A time of FHIR as HL7 writes it, no more exact than it was stated.
    pub(super) fn moment(&self, at: &DateTime) -> String {
        let precision = match at.precision() {
            fhir::primitives::Precision::Year => Precision::Year,
            fhir::primitives::Precision::Month => Precision::Month,
            fhir::primitives::Precision::Day => Precision::Day,
            fhir::primitives::Precision::Minute
            | fhir::primitives::Precision::Second
            | fhir::primitives::Precision::Fraction => Precision::Second,
        };
        if precision <= Precision::Day {
            // A date is of no zone: its digits are the same on every clock.
            return digits(at.as_str());
        }
        format_timestamp(at.lower(), self.dialect().time_zone.rules(), precision)
    }

    fn cx(&self, identifier: &Identifier) -> Option<Cx> {
        let value = identifier.value.clone().filter(|value| !value.is_empty())?;
        let uri = identifier.system.as_deref()?;
        let cx = |authority: &str, universal: &str, kind: &str| {
            Some(Cx {
                value: value.clone(),
                authority: authority.to_owned(),
                universal: universal.to_owned(),
                kind: kind.to_owned(),
            })
        };
        let peer = &self.dialect().identifier_systems;
        if let Some((name, _)) = peer.iter().find(|(_, known)| *known == uri) {
            return match name.split_once('/') {
                Some((authority, kind)) => cx(authority, "", kind),
                None => cx(name, "", "MR"),
            };
        }
        if uri == NHS_NUMBER {
            return cx("NHS", "", "NH");
        }
        if let Some(oid) = uri.strip_prefix("urn:oid:") {
            return cx("", oid, "");
        }
        let (owner, path) = local_system(uri)?;
        let kind = if path == "mrn" { "MR".to_owned() } else { path.to_ascii_uppercase() };
        (!path.contains('/')).then(|| cx(&owner.to_ascii_uppercase(), "", &kind)).flatten()
    }

    /// Writes identifiers as the repetitions of a CX field; true where there was one.
    pub(super) fn identifiers(
        &self,
        segment: &mut hl7v2::SegmentBuilder,
        field: usize,
        identifiers: &[Identifier],
    ) -> bool {
        let mut repetition = 0;
        for cx in identifiers.iter().filter_map(|identifier| self.cx(identifier)) {
            repetition += 1;
            segment
                .put(field, repetition, 1, 1, &cx.value)
                .put(field, repetition, 4, 1, &cx.authority)
                .put(field, repetition, 4, 2, &cx.universal)
                .put(field, repetition, 5, 1, &cx.kind);
            if !cx.universal.is_empty() {
                segment.put(field, repetition, 4, 3, "ISO");
            }
        }
        repetition > 0
    }

    /// PID, with every identifier that this peer has a name for (HL7 2.5.1 §3.4.2). Addresses and
    /// telephone numbers are left out: who gives medicines does not need them.
    pub(super) fn pid(
        &self,
        message: &mut MessageBuilder,
        patient: &Patient,
    ) -> Result<(), RenderError> {
        let pid = message.segment("PID").set(1, "1");
        if !self.identifiers(pid, 3, &patient.identifier) {
            return Err(RenderError::Incomplete("a patient identifier"));
        }
        let name = patient.name_to_show().map(name_parts).unwrap_or_default();
        pid.field(5, &name.each_ref().map(String::as_str));
        if let Some(born) = &patient.birth_date {
            pid.set(7, &digits(born.as_str()));
        }
        pid.set(8, patient.gender.map(sex));
        if let Some(died) = &patient.deceased_date_time {
            pid.set(29, &self.moment(died));
        }
        if patient.is_deceased() {
            pid.set(30, "Y");
        }
        Ok(())
    }

    /// PV1: class, place and visit number (HL7 2.5.1 §3.4.3).
    pub(super) fn pv1(&self, message: &mut MessageBuilder, encounter: &Encounter) {
        let pv1 = message.segment("PV1").set(1, "1").set(2, class(encounter));
        let place = place(encounter);
        pv1.field(3, &place.each_ref().map(String::as_str));
        let service = encounter.service_type.as_ref().and_then(|kind| kind.coding.first());
        pv1.set(10, service.and_then(|coding| coding.code.as_ref()));
        let visit =
            |identifier: &&Identifier| identifier.system.as_deref() == Some(self.systems().visit());
        let number = encounter.identifier.iter().find(visit);
        if let Some(number) = number.and_then(|identifier| identifier.value.as_ref()) {
            pv1.set(19, number);
        }
        let period = encounter.period.as_ref();
        if let Some(start) = period.and_then(|period| period.start.as_ref()) {
            pv1.set(44, &self.moment(start));
        }
        if let Some(end) = period.and_then(|period| period.end.as_ref()) {
            pv1.set(45, &self.moment(end));
        }
    }

    /// PV1 of an encounter, or one that says that there is none: the standard asks for the
    /// segment in every ADT message (table 0004, `N`: not applicable).
    pub(super) fn pv1_or_none(&self, message: &mut MessageBuilder, encounter: Option<&Encounter>) {
        match encounter {
            Some(encounter) => self.pv1(message, encounter),
            None => {
                message.segment("PV1").set(1, "1").set(2, "N");
            }
        }
    }

    /// MSH-9 of a pharmacy message. Before HL7 2.4 all of them had the event `O01`, and before
    /// 2.3.1 no structure was named.
    pub(super) fn pharmacy_type(
        &self,
        code: &'static str,
        event: &'static str,
        structure: &'static str,
    ) -> [&'static str; 3] {
        match self.dialect().version.as_str() {
            "2.1" | "2.2" | "2.3" | "2.3.1" => [code, "O01", ""],
            _ => [code, event, structure],
        }
    }
}

/// An order number as EI holds it: the number and its namespace.
pub(super) fn order_number(identifier: &Identifier) -> Option<(String, String)> {
    let value = identifier.value.clone().filter(|value| !value.is_empty())?;
    let (_, path) = local_system(identifier.system.as_deref()?)?;
    let namespace = path.strip_prefix("order/").or(path.strip_prefix("filler-order/"))?;
    Some((value, namespace.to_ascii_uppercase()))
}

/// Writes a member of staff (XCN): the number and what is known of the name.
pub(super) fn staff(
    segment: &mut hl7v2::SegmentBuilder,
    field: usize,
    repetition: usize,
    person: &Reference,
) {
    let number = person.identifier.as_ref().and_then(|identifier| identifier.value.as_deref());
    let name = person.display.as_deref().unwrap_or_default();
    let (family, given) = name.split_once(", ").unwrap_or((name, ""));
    segment.components(field, repetition, &[number.unwrap_or_default(), family, given]);
}

/// The filler's number of an order.
pub(super) fn filler(order: &MedicationRequest) -> Option<(String, String)> {
    let is_fillers = |identifier: &&Identifier| {
        let system = identifier.system.as_deref().and_then(local_system);
        system.is_some_and(|(_, path)| path.starts_with("filler-order/"))
    };
    order.identifier.iter().find(is_fillers).and_then(order_number)
}

/// A quantity as HL7 writes it: the number without an exponent, and the unit.
pub(super) fn amount(quantity: &Quantity) -> Option<(String, String)> {
    let value = quantity.value.as_ref()?.value();
    let unit = quantity.unit.clone().or_else(|| quantity.code.clone()).unwrap_or_default();
    Some((value.normalize().to_string(), unit))
}

/// XPN: family, given, further given names, suffix, prefix, degree, name type.
fn name_parts(name: &HumanName) -> [String; 7] {
    let family = name.family.clone().unwrap_or_default();
    let mut given = name.given.iter();
    let first = given.next().cloned().unwrap_or_default();
    let others = given.map(String::as_str).collect::<Vec<_>>().join(" ");
    let (suffix, prefix) = (name.suffix.join(" "), name.prefix.join(" "));
    let kind = match name.purpose {
        Some(NameUse::Official) => "L",
        Some(NameUse::Nickname) => "N",
        Some(NameUse::Maiden) => "M",
        _ => "",
    };
    if family.is_empty() && first.is_empty() {
        let text = name.text.clone().unwrap_or_default();
        return [
            text,
            String::new(),
            String::new(),
            suffix,
            prefix,
            String::new(),
            kind.to_owned(),
        ];
    }
    [family, first, others, suffix, prefix, String::new(), kind.to_owned()]
}

/// HL7 table 0001.
fn sex(gender: AdministrativeGender) -> &'static str {
    match gender {
        AdministrativeGender::Male => "M",
        AdministrativeGender::Female => "F",
        AdministrativeGender::Other => "O",
        AdministrativeGender::Unknown => "U",
    }
}

/// HL7 table 0004 from the FHIR class of the encounter (v3-ActCode); a class that came as a code
/// of that table is the code.
fn class(encounter: &Encounter) -> &str {
    match encounter.class.code.as_deref() {
        Some("IMP" | "ACUTE" | "NONAC") => "I",
        Some("AMB") => "O",
        Some("EMER") => "E",
        Some("PRENC") => "P",
        Some("UNK") | None => "U",
        Some(other) => other,
    }
}

/// Ward, room and bed (PV1-3.1 to 3.3).
fn place(encounter: &Encounter) -> [String; 3] {
    let kind_of = |location: &EncounterLocation| {
        location.physical_type.as_ref()?.coding.first()?.code.clone()
    };
    let of_kind = |kind: &str| {
        let found = encounter.location.iter().find(|place| kind_of(place).as_deref() == Some(kind));
        found.and_then(place_name).unwrap_or_default().to_owned()
    };
    // The ward is the first location, whatever kind it says it is.
    let ward = encounter.location.first().and_then(place_name).unwrap_or_default().to_owned();
    [ward, of_kind("ro"), of_kind("bd")]
}

fn place_name(location: &EncounterLocation) -> Option<&str> {
    location.location.identifier.as_ref()?.value.as_deref()
}
