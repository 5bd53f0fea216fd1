//! Provenance (<https://hl7.org/fhir/R4/provenance.html>).

use crate::element::{codes, element, resource};
use crate::primitives::{DateTime, Instant};
use crate::types::{CodeableConcept, Period, Reference};

codes! {
    /// What an entity was to the activity (R4 provenance-entity-role).
    pub enum ProvenanceRole {
        /// Was made into the target.
        Derivation = "derivation",
        /// Was revised into the target.
        Revision = "revision",
        /// Was quoted.
        Quotation = "quotation",
        /// Was the first of its kind.
        Source = "source",
        /// Was taken away.
        Removal = "removal",
    }
}

resource! {
    /// Who did what to which resources, and when.
    pub struct Provenance {
        required {
            /// To which resources.
            target: Vec<Reference>,
            /// When it was recorded.
            recorded: Instant,
            /// Who.
            agent: Vec<ProvenanceAgent>,
        }
        optional {
            /// When it happened, as a stretch of time.
            occurred_period: Option<Period>,
            /// When it happened, as a time.
            occurred_date_time: Option<DateTime>,
            /// Policies that allowed it.
            policy: Vec<String>,
            /// Where.
            location: Option<Reference>,
            /// Why.
            reason: Vec<CodeableConcept>,
            /// What was done.
            activity: Option<CodeableConcept>,
            /// From what.
            entity: Vec<ProvenanceEntity>,
        }
    }
}

element! {
    /// Who (R4 Provenance.agent).
    pub struct ProvenanceAgent {
        required {
            /// Who.
            who: Reference,
        }
        optional {
            /// How they took part.
            #[serde(rename = "type")]
            kind: Option<CodeableConcept>,
            /// Their roles.
            role: Vec<CodeableConcept>,
            /// For whom.
            on_behalf_of: Option<Reference>,
        }
    }
}

element! {
    /// From what (R4 Provenance.entity).
    pub struct ProvenanceEntity {
        required {
            /// What it was to the activity.
            role: ProvenanceRole,
            /// What.
            what: Reference,
        }
        optional {
            /// Who.
            agent: Vec<ProvenanceAgent>,
        }
    }
}
