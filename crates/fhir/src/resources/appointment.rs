//! Appointment (<https://hl7.org/fhir/R4/appointment.html>).

use crate::element::{codes, element, resource};
use crate::primitives::{DateTime, Instant};
use crate::types::{CodeableConcept, Identifier, Period, Reference};

codes! {
    /// How far an appointment has come (R4 appointmentstatus).
    pub enum AppointmentStatus {
        /// Nobody has agreed yet.
        Proposed = "proposed",
        /// Some have not agreed yet.
        Pending = "pending",
        /// All have agreed.
        Booked = "booked",
        /// The patient is there.
        Arrived = "arrived",
        /// It took place.
        Fulfilled = "fulfilled",
        /// It will not take place.
        Cancelled = "cancelled",
        /// The patient did not come.
        NoShow = "noshow",
        /// It should never have been.
        EnteredInError = "entered-in-error",
        /// The patient is there and all is ready.
        CheckedIn = "checked-in",
        /// The patient waits for an earlier time.
        Waitlist = "waitlist",
    }
}

codes! {
    /// Whether somebody takes part (R4 participationstatus).
    pub enum ParticipationStatus {
        /// Yes.
        Accepted = "accepted",
        /// No.
        Declined = "declined",
        /// Perhaps.
        Tentative = "tentative",
        /// Not known yet.
        NeedsAction = "needs-action",
    }
}

resource! {
    /// A time at which a patient is to be seen.
    pub struct Appointment {
        required {
            /// How far it has come.
            status: AppointmentStatus,
            /// Who and what takes part.
            participant: Vec<AppointmentParticipant>,
        }
        optional {
            /// Numbers: the placer's and the filler's.
            identifier: Vec<Identifier>,
            /// Why it was cancelled.
            cancelation_reason: Option<CodeableConcept>,
            /// What is to be done.
            service_type: Vec<CodeableConcept>,
            /// Routine, follow-up and so on.
            appointment_type: Option<CodeableConcept>,
            /// Why.
            reason_code: Vec<CodeableConcept>,
            /// In a few words.
            description: Option<String>,
            /// When it begins.
            start: Option<Instant>,
            /// When it ends.
            end: Option<Instant>,
            /// How long it takes, in minutes.
            minutes_duration: Option<u32>,
            /// When it was made.
            created: Option<DateTime>,
            /// Remarks.
            comment: Option<String>,
            /// When it would suit, where no time is agreed.
            requested_period: Vec<Period>,
        }
    }
}

element! {
    /// Who or what takes part (R4 Appointment.participant).
    pub struct AppointmentParticipant {
        required {
            /// Whether they do.
            status: ParticipationStatus,
        }
        optional {
            /// As what.
            #[serde(rename = "type")]
            kind: Vec<CodeableConcept>,
            /// Who or what.
            actor: Option<Reference>,
        }
    }
}
