//! ServiceRequest (<https://hl7.org/fhir/R4/servicerequest.html>).

use crate::element::{codes, resource};
use crate::primitives::DateTime;
use crate::types::{Annotation, CodeableConcept, Identifier, Reference};

use super::RequestPriority;

codes! {
    /// How far a request has come (R4 request-status).
    pub enum ServiceRequestStatus {
        /// Not asked yet.
        Draft = "draft",
        /// Asked.
        Active = "active",
        /// Asked, and not to be acted on for now.
        OnHold = "on-hold",
        /// Taken back.
        Revoked = "revoked",
        /// Done.
        Completed = "completed",
        /// It should never have been.
        EnteredInError = "entered-in-error",
        /// Not known.
        Unknown = "unknown",
    }
}

codes! {
    /// What a request is (R4 request-intent).
    pub enum ServiceRequestIntent {
        /// A proposal.
        Proposal = "proposal",
        /// A plan.
        Plan = "plan",
        /// Asked of somebody by somebody who may not order.
        Directive = "directive",
        /// Asked for by somebody who may.
        Order = "order",
        /// The order as it was first made.
        OriginalOrder = "original-order",
        /// An order that follows from the results of another.
        ReflexOrder = "reflex-order",
        /// A filler's own view of an order.
        FillerOrder = "filler-order",
        /// One occurrence of an order.
        InstanceOrder = "instance-order",
        /// One of several that may be chosen.
        Option = "option",
    }
}

resource! {
    /// A request for a test, a picture, a procedure or another service.
    pub struct ServiceRequest {
        required {
            /// How far it has come.
            status: ServiceRequestStatus,
            /// What it is.
            intent: ServiceRequestIntent,
            /// For whom.
            subject: Reference,
        }
        optional {
            /// Numbers: the placer's and the filler's.
            identifier: Vec<Identifier>,
            /// The number of the group that it is a part of.
            requisition: Option<Identifier>,
            /// Of what kind.
            category: Vec<CodeableConcept>,
            /// How soon.
            priority: Option<RequestPriority>,
            /// What is asked for.
            code: Option<CodeableConcept>,
            /// During which stay.
            encounter: Option<Reference>,
            /// When it is to be done.
            occurrence_date_time: Option<DateTime>,
            /// When it was asked.
            authored_on: Option<DateTime>,
            /// Who asks.
            requester: Option<Reference>,
            /// Who is to do it.
            performer: Vec<Reference>,
            /// Why.
            reason_code: Vec<CodeableConcept>,
            /// From which specimens.
            specimen: Vec<Reference>,
            /// Remarks.
            note: Vec<Annotation>,
        }
    }
}
