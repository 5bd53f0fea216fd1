//! Location (<https://hl7.org/fhir/R4/location.html>).

use crate::element::{codes, resource};
use crate::types::{Address, CodeableConcept, Coding, ContactPoint, Identifier, Reference};

codes! {
    /// Whether a place is in use (R4 location-status).
    pub enum LocationStatus {
        /// In use.
        Active = "active",
        /// Closed for now.
        Suspended = "suspended",
        /// No longer in use.
        Inactive = "inactive",
    }
}

codes! {
    /// One place, or a kind of place (R4 location-mode).
    pub enum LocationMode {
        /// One place.
        Instance = "instance",
        /// A kind of place.
        Kind = "kind",
    }
}

resource! {
    /// A site, a ward, a room, a bed or a cabinet.
    pub struct Location {
        required {}
        optional {
            /// Numbers, such as the ODS site code.
            identifier: Vec<Identifier>,
            /// Whether it is in use.
            status: Option<LocationStatus>,
            /// Whether a bed is free (v2-0116).
            operational_status: Option<Coding>,
            /// Its name.
            name: Option<String>,
            /// Other names.
            alias: Vec<String>,
            /// More words.
            description: Option<String>,
            /// One place, or a kind.
            mode: Option<LocationMode>,
            /// What is done there.
            #[serde(rename = "type")]
            kind: Vec<CodeableConcept>,
            /// Ways to reach it.
            telecom: Vec<ContactPoint>,
            /// Its address.
            address: Option<Address>,
            /// Site, ward, room or bed.
            physical_type: Option<CodeableConcept>,
            /// Who runs it.
            managing_organization: Option<Reference>,
            /// The place that it is part of.
            part_of: Option<Reference>,
        }
    }
}
