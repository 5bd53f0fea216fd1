//! References to other resources.

use crate::element::element;
use crate::primitives::{Id, ResourceType};

use super::Identifier;

element! {
    /// A pointer to another resource, by address, by identifier or by words (R4 Reference).
    pub struct Reference {
        /// `Type/id`, an absolute address, or `#id` for a contained resource.
        reference: Option<String>,
        /// The type of the target, where the address does not say it.
        #[serde(rename = "type")]
        kind: Option<String>,
        /// A business identifier of the target.
        identifier: Option<Box<Identifier>>,
        /// What a person may read.
        display: Option<String>,
    }
}

impl Reference {
    /// A relative reference, `Type/id`.
    pub fn to(kind: ResourceType, id: &Id) -> Self {
        Self { reference: Some(format!("{kind}/{id}")), ..Self::default() }
    }

    /// A reference by business identifier, for a target that has no resource here.
    pub fn by_identifier(kind: ResourceType, identifier: Identifier) -> Self {
        Self {
            kind: Some(kind.as_str().to_owned()),
            identifier: Some(Box::new(identifier)),
            ..Self::default()
        }
    }

    /// The target of a relative reference `Type/id` or `Type/id/_history/version`. Absolute
    /// addresses belong to other servers and give nothing, as do types that are not in use.
    pub fn target(&self) -> Option<(ResourceType, Id)> {
        let mut parts = self.reference.as_deref()?.split('/');
        let kind = parts.next()?.parse().ok()?;
        let id = parts.next()?.parse().ok()?;
        match (parts.next(), parts.next(), parts.next()) {
            (None, ..) | (Some("_history"), Some(_), None) => Some((kind, id)),
            _ => None,
        }
    }

    /// The id of the target, when the reference is relative and to this type.
    pub fn id_of(&self, kind: ResourceType) -> Option<Id> {
        self.target().filter(|(found, _)| *found == kind).map(|(_, id)| id)
    }

    /// The id of a contained target, without its `#`.
    pub fn contained_id(&self) -> Option<&str> {
        self.reference.as_deref()?.strip_prefix('#')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, expected: Option<(ResourceType, &str)>) {
        let read = Reference { reference: Some(reference.to_owned()), ..Reference::default() };
        let expected = expected.map(|(kind, id)| (kind, id.parse().unwrap()));
        assert_eq!(read.target(), expected, "{reference}");
    }

    #[test]
    fn only_relative_references_to_known_types_have_a_target() {
        check("Patient/p1", Some((ResourceType::Patient, "p1")));
        check("Patient/p1/_history/3", Some((ResourceType::Patient, "p1")));
        check("Patient/p1/other", None);
        check("https://elsewhere.example/fhir/Patient/p1", None);
        check("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", None);
        check("#p1", None);
        check("Goat/p1", None);
        check("Patient/", None);
        check("Patient", None);
    }
}
