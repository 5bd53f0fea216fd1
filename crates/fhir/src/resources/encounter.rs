//! Encounter (<https://hl7.org/fhir/R4/encounter.html>).

use crate::element::{codes, element, resource};
use crate::types::{CodeableConcept, Coding, Identifier, Period, Quantity, Reference};

codes! {
    /// How far an encounter has come (R4 encounter-status).
    pub enum EncounterStatus {
        /// Not begun.
        Planned = "planned",
        /// The patient is there and waits.
        Arrived = "arrived",
        /// The patient has been assessed and waits.
        Triaged = "triaged",
        /// Going on.
        InProgress = "in-progress",
        /// The patient is away for a while.
        OnLeave = "onleave",
        /// Over.
        Finished = "finished",
        /// Ended before it began.
        Cancelled = "cancelled",
        /// Never was.
        EnteredInError = "entered-in-error",
        /// Not known.
        Unknown = "unknown",
    }
}

codes! {
    /// Whether the patient is at a location (R4 encounter-location-status).
    pub enum EncounterLocationStatus {
        /// Is to come.
        Planned = "planned",
        /// Is there.
        Active = "active",
        /// Is kept free.
        Reserved = "reserved",
        /// Was there.
        Completed = "completed",
    }
}

resource! {
    /// A stay or a visit.
    pub struct Encounter {
        required {
            /// How far it has come.
            status: EncounterStatus,
            /// Inpatient, outpatient, emergency (v3-ActCode).
            class: Coding,
        }
        optional {
            /// Numbers, such as the visit number.
            identifier: Vec<Identifier>,
            /// Kinds of encounter.
            #[serde(rename = "type")]
            kind: Vec<CodeableConcept>,
            /// The service.
            service_type: Option<CodeableConcept>,
            /// How urgent.
            priority: Option<CodeableConcept>,
            /// The patient.
            subject: Option<Reference>,
            /// Who took part.
            participant: Vec<EncounterParticipant>,
            /// From admission to discharge.
            period: Option<Period>,
            /// How long it lasted, without leave.
            length: Option<Quantity>,
            /// Why.
            reason_code: Vec<CodeableConcept>,
            /// Admission and discharge.
            hospitalization: Option<Hospitalization>,
            /// Where the patient was and is.
            location: Vec<EncounterLocation>,
            /// Who is responsible for it.
            service_provider: Option<Reference>,
            /// The encounter that this one is part of.
            part_of: Option<Reference>,
        }
    }
}

impl Encounter {
    /// Where the patient is now: the last location that is `active`.
    pub fn current_location(&self) -> Option<&EncounterLocation> {
        let active = Some(EncounterLocationStatus::Active);
        self.location.iter().rev().find(|location| location.status == active)
    }
}

element! {
    /// Who took part (R4 Encounter.participant).
    pub struct EncounterParticipant {
        /// As what (v3-ParticipationType).
        #[serde(rename = "type")]
        kind: Vec<CodeableConcept>,
        /// From when to when.
        period: Option<Period>,
        /// Who.
        individual: Option<Reference>,
    }
}

element! {
    /// Admission and discharge (R4 Encounter.hospitalization).
    pub struct Hospitalization {
        /// The number given before admission.
        pre_admission_identifier: Option<Identifier>,
        /// From where.
        origin: Option<Reference>,
        /// By whom or how.
        admit_source: Option<CodeableConcept>,
        /// Whether the patient comes back.
        re_admission: Option<CodeableConcept>,
        /// Special treatment.
        special_courtesy: Vec<CodeableConcept>,
        /// Wheelchair, interpreter and the like.
        special_arrangement: Vec<CodeableConcept>,
        /// To where.
        destination: Option<Reference>,
        /// What kind of place after discharge.
        discharge_disposition: Option<CodeableConcept>,
    }
}

element! {
    /// Where the patient was or is (R4 Encounter.location).
    pub struct EncounterLocation {
        required {
            /// The place.
            location: Reference,
        }
        optional {
            /// Whether the patient is there.
            status: Option<EncounterLocationStatus>,
            /// Ward, room or bed.
            physical_type: Option<CodeableConcept>,
            /// From when to when.
            period: Option<Period>,
        }
    }
}
