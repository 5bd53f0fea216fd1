//! What of a resource's JSON stands in columns and indexes.

use std::borrow::Cow;

use fhir::json::{Members, members};
use fhir::{Id, ResourceType, StoredResource};
use serde::Deserialize;

/// A text that is borrowed from the JSON unless it holds an escape.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference<'a> {
    #[serde(borrow)]
    reference: Option<Text<'a>>,
}

#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
struct Identifier<'a> {
    #[serde(borrow)]
    system: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Participant<'a> {
    #[serde(borrow)]
    actor: Option<Reference<'a>>,
}

/// The values of one resource, read in one pass over its JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Indexed<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    subject: Option<Reference<'a>>,
    #[serde(borrow)]
    patient: Option<Reference<'a>>,
    /// Whose a Binary is.
    #[serde(borrow, rename = "securityContext")]
    security_context: Option<Reference<'a>>,
    /// Who takes part in an Appointment; the patient is one of them.
    #[serde(borrow, rename = "participant")]
    participants: Vec<Participant<'a>>,
    #[serde(borrow)]
    identifier: Vec<Identifier<'a>>,
}

impl<'a> Indexed<'a> {
    /// Reads the JSON of a resource.
    pub(crate) fn read(raw: &'a str) -> Self {
        serde_json::from_str(raw).unwrap_or_else(|_| Self::read_each(raw))
    }

    /// The same, member by member: what has another form in its type is as if it were not there.
    fn read_each(raw: &'a str) -> Self {
        fn part<'a, T: Deserialize<'a>>(all: &Members<'a>, name: &str) -> Option<T> {
            serde_json::from_str(all.get(name)?).ok()
        }
        let Ok(all) = members(raw) else { return Self::default() };
        let many = part::<Vec<Identifier<'_>>>(&all, "identifier");
        let one = || Some(vec![part::<Identifier<'_>>(&all, "identifier")?]);
        Self {
            status: part(&all, "status"),
            subject: part(&all, "subject"),
            patient: part(&all, "patient"),
            security_context: part(&all, "securityContext"),
            participants: part(&all, "participant").unwrap_or_default(),
            identifier: many.or_else(one).unwrap_or_default(),
        }
    }

    /// The status code, where the type has one.
    pub(crate) fn status(&self) -> Option<&str> {
        self.status.as_ref().map(|text| &*text.0)
    }

    /// The id of the patient whom the resource is about; a Patient is about itself.
    pub(crate) fn subject<'s>(&'s self, resource: &'s StoredResource) -> Option<&'s str> {
        if resource.resource_type == ResourceType::Patient {
            return Some(resource.id.as_str());
        }
        let direct = [&self.subject, &self.patient, &self.security_context];
        let direct = direct.into_iter().find_map(Option::as_ref);
        let actors = self.participants.iter().filter_map(|one| one.actor.as_ref());
        let references = direct.into_iter().chain(actors);
        references.filter_map(|one| one.reference.as_ref()).find_map(|one| of_reference(&one.0))
    }

    /// The identifiers as `(system, value)`, each once, in order; an absent system is empty.
    pub(crate) fn identifiers(&self) -> Vec<(&str, &str)> {
        let mut identifiers: Vec<(&str, &str)> = self
            .identifier
            .iter()
            .filter_map(|identifier| {
                let system = identifier.system.as_ref().map_or("", |text| &*text.0);
                Some((system, &*identifier.value.as_ref()?.0))
            })
            .collect();
        identifiers.sort_unstable();
        identifiers.dedup();
        identifiers
    }
}

/// The patient whom a resource is about, as its row has it.
pub fn patient_of(resource: &StoredResource) -> Option<Id> {
    let indexed = Indexed::read(resource.json());
    indexed.subject(resource).and_then(|id| Id::new(id).ok())
}

/// The id in a relative reference to a Patient, `Patient/7` or `Patient/7/_history/2`. An absolute
/// address belongs to another server, as [`fhir::types::Reference::target`] has it.
fn of_reference(reference: &str) -> Option<&str> {
    let mut parts = reference.strip_prefix("Patient/")?.split('/');
    let id = parts.next().filter(|id| !id.is_empty())?;
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) | (Some("_history"), Some(_), None) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &str, expected: Option<&str>) {
        assert_eq!(of_reference(reference), expected, "{reference}");
    }

    #[test]
    fn the_patient_of_a_reference() {
        check("Patient/rxx.7.1", Some("rxx.7.1"));
        check("Patient/7/_history/2", Some("7"));
        check("https://a.example/fhir/Patient/7", None);
        check("Patient/", None);
        check("Patient/7/8", None);
        check("Group/7", None);
        check("OutPatient/7", None);
        check("#p1", None);
        check("", None);
    }

    #[test]
    fn values_are_read_whatever_stands_beside_them() {
        let raw = r#"{"resourceType":"MedicationRequest","status":"active","dose":0.40,
            "subject":{"reference":"Patient\/7","display":"\u00e9"},"x":[{"status":"no"}],
            "identifier":[{"value":"2","system":"b"},{"value":"1"},{"value":"2","system":"b"},
            {"system":"c"}]}"#;
        let indexed = Indexed::read(raw);
        assert_eq!(indexed.status(), Some("active"));
        assert_eq!(indexed.identifiers(), [("", "1"), ("b", "2")]);
        let odd = r#"{"status":{"text":"x"},"subject":[],"patient":{"reference":"Patient/p"},
            "identifier":{"value":"7"}}"#;
        let indexed = Indexed::read(odd);
        assert_eq!((indexed.status(), indexed.identifiers()), (None, vec![("", "7")]));
        assert_eq!(Indexed::read("7").status(), None);
    }

    #[test]
    fn whom_a_resource_is_about() {
        let check = |raw: &str, expected: Option<&str>| {
            let at = "2026-11-20T10:15:00Z".parse().unwrap();
            let stored = StoredResource::new(raw, "x1".parse().unwrap(), 1, at).unwrap();
            assert_eq!(Indexed::read(stored.json()).subject(&stored), expected, "{raw}");
        };
        check(r#"{"resourceType":"Patient"}"#, Some("x1"));
        check(r#"{"resourceType":"Observation","subject":{"reference":"Patient/p"}}"#, Some("p"));
        check(
            r#"{"resourceType":"Binary","securityContext":{"reference":"Patient/p"}}"#,
            Some("p"),
        );
        check(
            r#"{"resourceType":"Appointment","participant":[{"actor":{"display":"x"}},
                {"actor":{"reference":"Location/l"}},{"actor":{"reference":"Patient/p"}}]}"#,
            Some("p"),
        );
        check(
            r#"{"resourceType":"Encounter","participant":[{"individual":{"reference":"x"}}]}"#,
            None,
        );
    }
}
