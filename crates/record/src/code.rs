//! How types of the other crates stand in columns.

use fhir::ResourceType;
use jiff::Timestamp;
use medicines::RowKind;
use medicines::deliveries::DeliveryState;
use medicines::stock::{Movement, TransferState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// A time as nanoseconds since 1970-01-01T00:00:00Z; times beyond the years 1678 to 2262 become
/// the nearest of these, which only matters to the order of dates that nobody lives to see.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    let wide = time.as_nanosecond();
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

/// The time of a column that [`nanoseconds`] wrote.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).expect("64 bits of nanoseconds are a time")
}

/// An entry's number, a version or an ordinal. SQLite's integers have 63 bits and a sign, and no
/// journal holds more entries than that.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of a column that [`integer`] wrote.
pub(crate) fn natural(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

/// A count as SQLite gives it.
pub(crate) fn count(integer: i64) -> u64 {
    natural(integer)
}

/// A thing as JSON text.
pub(crate) fn json<T: Serialize>(what: &'static str, thing: &T) -> Result<String, Error> {
    serde_json::to_string(thing).map_err(|_| Error::Json { what })
}

/// A thing from the JSON text that this program wrote.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Json { what })
}

/// The number under which a delivery's state is kept; below 2 it is open.
pub(crate) fn delivery_state(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Deferred => -4,
        DeliveryState::Parked => -3,
        DeliveryState::Accepted => -2,
        DeliveryState::InFlight => -1,
        DeliveryState::Waiting => 0,
        DeliveryState::Unknown => 1,
        DeliveryState::Delivered => 2,
        DeliveryState::Refused => 3,
        DeliveryState::Superseded => 4,
    }
}

/// The state that [`delivery_state`] wrote.
pub(crate) fn delivery_state_of(number: i64) -> Result<DeliveryState, Error> {
    DeliveryState::ALL
        .into_iter()
        .find(|state| delivery_state(*state) == number)
        .ok_or_else(|| Error::Corrupt(format!("delivery state {number}")))
}

/// The number under which a transfer's state is kept.
pub(crate) fn transfer_state(state: TransferState) -> i64 {
    match state {
        TransferState::Pending { .. } => 0,
        TransferState::Posted => 1,
        TransferState::Voided => 2,
    }
}

/// The text under which a movement is kept.
pub(crate) fn movement(movement: Movement) -> &'static str {
    match movement {
        Movement::Opening => "opening",
        Movement::Removal => "removal",
        Movement::Return => "return",
        Movement::Waste => "waste",
        Movement::Administration => "administration",
        Movement::Count => "count",
        Movement::Restock => "restock",
    }
}

/// The row kind of a number that [`RowKind::number`] gave.
pub(crate) fn row_kind(number: i64) -> Result<RowKind, Error> {
    RowKind::ALL
        .into_iter()
        .find(|kind| i64::from(kind.number()) == number)
        .ok_or_else(|| Error::Corrupt(format!("row kind {number}")))
}

/// The number under which a resource type is kept. Never reused for another type.
pub(crate) fn type_number(resource_type: ResourceType) -> i64 {
    match resource_type {
        ResourceType::Patient => 1,
        ResourceType::Encounter => 2,
        ResourceType::AllergyIntolerance => 3,
        ResourceType::Medication => 4,
        ResourceType::MedicationRequest => 5,
        ResourceType::MedicationDispense => 6,
        ResourceType::MedicationAdministration => 7,
        ResourceType::Provenance => 8,
        ResourceType::Location => 9,
        ResourceType::Practitioner => 10,
        ResourceType::Bundle => 11,
        ResourceType::OperationOutcome => 12,
        ResourceType::CapabilityStatement => 13,
        ResourceType::PractitionerRole => 14,
        ResourceType::Observation => 15,
        ResourceType::DiagnosticReport => 16,
        ResourceType::ServiceRequest => 17,
        ResourceType::DocumentReference => 18,
        ResourceType::Binary => 19,
        ResourceType::Appointment => 20,
    }
}

/// The type of a number that [`type_number`] gave.
pub(crate) fn type_of(number: i64) -> Result<ResourceType, Error> {
    ResourceType::ALL
        .iter()
        .copied()
        .find(|resource_type| type_number(*resource_type) == number)
        .ok_or_else(|| Error::Corrupt(format!("resource type {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_number() {
        for resource_type in ResourceType::ALL {
            assert_eq!(type_of(type_number(*resource_type)).unwrap(), *resource_type);
        }
    }

    #[test]
    fn times_are_kept_to_the_nanosecond_and_never_overflow() {
        let time: Timestamp = "2026-11-20T10:15:00.123456789Z".parse().unwrap();
        assert_eq!(timestamp(nanoseconds(time)), time);
        assert_eq!(nanoseconds(Timestamp::MAX), i64::MAX);
        assert_eq!(nanoseconds(Timestamp::MIN), i64::MIN);
        assert!(timestamp(i64::MIN) < timestamp(i64::MAX));
    }
}
