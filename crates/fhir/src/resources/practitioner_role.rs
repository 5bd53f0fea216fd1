//! PractitionerRole (<https://hl7.org/fhir/R4/practitionerrole.html>).

use crate::element::resource;
use crate::types::{CodeableConcept, Identifier, Period, Reference};

resource! {
    /// What a member of staff does, and where.
    pub struct PractitionerRole {
        required {}
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// Whether it is in use.
            active: Option<bool>,
            /// From when to when.
            period: Option<Period>,
            /// Who.
            practitioner: Option<Reference>,
            /// For whom.
            organization: Option<Reference>,
            /// As what.
            code: Vec<CodeableConcept>,
            /// In which fields.
            specialty: Vec<CodeableConcept>,
        }
    }
}
