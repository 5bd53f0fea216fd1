//! Patient (<https://hl7.org/fhir/R4/patient.html>).

use crate::element::{codes, element, resource};
use crate::primitives::{Date, DateTime};
use crate::types::{
    Address, CodeableConcept, ContactPoint, Element, HumanName, Identifier, NameUse, Period,
    Reference,
};

codes! {
    /// The gender that is used for administration (R4 administrative-gender).
    pub enum AdministrativeGender {
        /// Male.
        Male = "male",
        /// Female.
        Female = "female",
        /// Another.
        Other = "other",
        /// Not known.
        Unknown = "unknown",
    }
}

codes! {
    /// How another record of a patient relates to this one (R4 link-type).
    pub enum PatientLinkType {
        /// The other one is to be used instead.
        ReplacedBy = "replaced-by",
        /// This one is to be used instead of the other.
        Replaces = "replaces",
        /// The other one is worth a look.
        Refer = "refer",
        /// The other one says more about the same person.
        SeeAlso = "seealso",
    }
}

resource! {
    /// A person who is cared for. UK Core: one `identifier` of the NHS number system at most.
    pub struct Patient {
        required {}
        optional {
            /// Numbers, such as the NHS number and the hospital number.
            identifier: Vec<Identifier>,
            /// Whether the record is in use.
            active: Option<bool>,
            /// Names.
            name: Vec<HumanName>,
            /// Ways to reach the person.
            telecom: Vec<ContactPoint>,
            /// Gender for administration.
            gender: Option<AdministrativeGender>,
            /// Date of birth, as far as it is known.
            birth_date: Option<Date>,
            /// Extensions of the date of birth, such as its time.
            #[serde(rename = "_birthDate")]
            birth_date_element: Option<Element>,
            /// Whether the person has died.
            deceased_boolean: Option<bool>,
            /// When the person died.
            deceased_date_time: Option<DateTime>,
            /// Addresses.
            address: Vec<Address>,
            /// Marital status.
            marital_status: Option<CodeableConcept>,
            /// Whether it was a multiple birth.
            multiple_birth_boolean: Option<bool>,
            /// The order in a multiple birth.
            multiple_birth_integer: Option<i32>,
            /// Relatives and others to speak to.
            contact: Vec<PatientContact>,
            /// Languages.
            communication: Vec<PatientCommunication>,
            /// The general practice.
            general_practitioner: Vec<Reference>,
            /// Who keeps the record.
            managing_organization: Option<Reference>,
            /// Other records of the same person.
            link: Vec<PatientLink>,
        }
    }
}

impl Patient {
    /// The NHS number, when there is one and its check digit is right.
    pub fn nhs_number(&self) -> Option<&str> {
        self.identifier.iter().find_map(Identifier::nhs_number)
    }

    /// The name to show: the official one, else the usual one, else the first that is not old.
    pub fn name_to_show(&self) -> Option<&HumanName> {
        let of = |purpose| self.name.iter().find(move |name| name.purpose == Some(purpose));
        let other = || self.name.iter().find(|name| name.purpose != Some(NameUse::Old));
        of(NameUse::Official).or_else(|| of(NameUse::Usual)).or_else(other)
    }

    /// Whether the record says that the person has died.
    pub fn is_deceased(&self) -> bool {
        self.deceased_date_time.is_some() || self.deceased_boolean == Some(true)
    }
}

element! {
    /// A relative, a guardian or a friend (R4 Patient.contact).
    pub struct PatientContact {
        /// What they are to the patient.
        relationship: Vec<CodeableConcept>,
        /// Their name.
        name: Option<HumanName>,
        /// Ways to reach them.
        telecom: Vec<ContactPoint>,
        /// Their address.
        address: Option<Address>,
        /// Their gender.
        gender: Option<AdministrativeGender>,
        /// When they may be reached.
        period: Option<Period>,
    }
}

element! {
    /// A language of the patient (R4 Patient.communication).
    pub struct PatientCommunication {
        required {
            /// Which.
            language: CodeableConcept,
        }
        optional {
            /// Whether it is the one to use.
            preferred: Option<bool>,
        }
    }
}

element! {
    /// Another record of the same person (R4 Patient.link).
    pub struct PatientLink {
        required {
            /// The other record.
            other: Reference,
            /// How it relates to this one.
            #[serde(rename = "type")]
            kind: PatientLinkType,
        }
        optional {}
    }
}
