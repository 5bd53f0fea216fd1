//! What of a resource's JSON stands in columns and indexes.

use std::borrow::Cow;

use fhir::{ResourceType, StoredResource};
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
    #[serde(borrow)]
    identifier: Vec<Identifier<'a>>,
}

impl<'a> Indexed<'a> {
    /// Reads the JSON of a resource. One whose elements do not have the form that FHIR gives them
    /// is found by its id alone.
    pub(crate) fn read(raw: &'a str) -> Self {
        serde_json::from_str(raw).unwrap_or_default()
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
        let subject = self.subject.as_ref().or(self.patient.as_ref())?;
        patient_of(&subject.reference.as_ref()?.0)
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

/// The id in a relative reference to a Patient, `Patient/7` or `Patient/7/_history/2`. An absolute
/// address belongs to another server, as [`fhir::types::Reference::target`] has it.
fn patient_of(reference: &str) -> Option<&str> {
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
        assert_eq!(patient_of(reference), expected, "{reference}");
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
        assert_eq!(Indexed::read(r#"{"status":7}"#).status(), None);
    }
}
