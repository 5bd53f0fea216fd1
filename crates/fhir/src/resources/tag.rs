//! The `resourceType` of a struct, as a type without a value: it is always written and a resource
//! of another type is refused.

use crate::primitives::parse_string;

/// Another `resourceType` than the one asked for.
#[derive(Debug, thiserror::Error)]
#[error("resourceType is not {0}")]
pub(crate) struct WrongType(&'static str);

macro_rules! tags {
    ($($name:ident)+) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name;

        impl std::str::FromStr for $name {
            type Err = WrongType;

            fn from_str(text: &str) -> Result<Self, WrongType> {
                if text == stringify!($name) {
                    Ok(Self)
                } else {
                    Err(WrongType(stringify!($name)))
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(stringify!($name))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                parse_string(from, "a resourceType")
            }
        }
    )+ };
}

tags! {
    Patient Encounter AllergyIntolerance Medication MedicationRequest MedicationDispense
    MedicationAdministration Provenance Location Practitioner Bundle OperationOutcome
    CapabilityStatement Observation DiagnosticReport ServiceRequest DocumentReference Binary
    Appointment PractitionerRole
}
