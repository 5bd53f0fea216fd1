//! Practitioner (<https://hl7.org/fhir/R4/practitioner.html>).

use crate::element::{element, resource};
use crate::primitives::Date;
use crate::types::{
    Address, CodeableConcept, ContactPoint, HumanName, Identifier, Period, Reference,
};

use super::AdministrativeGender;

resource! {
    /// A member of staff.
    pub struct Practitioner {
        required {}
        optional {
            /// Numbers: SDS user id, GMC, NMC, GPhC and so on.
            identifier: Vec<Identifier>,
            /// Whether the record is in use.
            active: Option<bool>,
            /// Names.
            name: Vec<HumanName>,
            /// Ways to reach the person.
            telecom: Vec<ContactPoint>,
            /// Addresses.
            address: Vec<Address>,
            /// Gender for administration.
            gender: Option<AdministrativeGender>,
            /// Date of birth.
            birth_date: Option<Date>,
            /// What the person is qualified for.
            qualification: Vec<Qualification>,
            /// Languages.
            communication: Vec<CodeableConcept>,
        }
    }
}

element! {
    /// What a person is qualified for (R4 Practitioner.qualification).
    pub struct Qualification {
        required {
            /// What.
            code: CodeableConcept,
        }
        optional {
            /// Numbers of the certificate.
            identifier: Vec<Identifier>,
            /// From when to when.
            period: Option<Period>,
            /// Who says so.
            issuer: Option<Reference>,
        }
    }
}
