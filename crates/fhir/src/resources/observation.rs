//! Observation (<https://hl7.org/fhir/R4/observation.html>).

use crate::element::{codes, element, resource};
use crate::primitives::{DateTime, Instant, Time};
use crate::types::{
    Annotation, CodeableConcept, Identifier, Period, Quantity, Range, Ratio, Reference,
};

codes! {
    /// How far an observation has come (R4 observation-status).
    pub enum ObservationStatus {
        /// Known of, without a value yet.
        Registered = "registered",
        /// A first value that may change.
        Preliminary = "preliminary",
        /// Complete.
        Final = "final",
        /// Changed after it was final.
        Amended = "amended",
        /// Changed after it was final, because it was wrong.
        Corrected = "corrected",
        /// There will be no value.
        Cancelled = "cancelled",
        /// It was never this patient's, or never made.
        EnteredInError = "entered-in-error",
        /// Not known.
        Unknown = "unknown",
    }
}

impl ObservationStatus {
    /// Whether a preliminary word that comes later must not take its place.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Registered | Self::Preliminary | Self::Unknown)
    }
}

resource! {
    /// A result or a measurement.
    pub struct Observation {
        required {
            /// How far it has come.
            status: ObservationStatus,
            /// What was observed.
            code: CodeableConcept,
        }
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// What was asked for.
            based_on: Vec<Reference>,
            /// Of what kind.
            category: Vec<CodeableConcept>,
            /// Whom it is about.
            subject: Option<Reference>,
            /// During which stay.
            encounter: Option<Reference>,
            /// When the value was true.
            effective_date_time: Option<DateTime>,
            /// From when to when the value was true.
            effective_period: Option<Period>,
            /// When this version was made available.
            issued: Option<Instant>,
            /// Who is responsible for it.
            performer: Vec<Reference>,
            /// `value[x]` as an amount.
            value_quantity: Option<Quantity>,
            /// `value[x]` as a concept.
            value_codeable_concept: Option<CodeableConcept>,
            /// `value[x]` as words.
            value_string: Option<String>,
            /// `value[x]` as a range.
            value_range: Option<Range>,
            /// `value[x]` as one amount for another.
            value_ratio: Option<Ratio>,
            /// `value[x]` as a time of day.
            value_time: Option<Time>,
            /// `value[x]` as a date or time.
            value_date_time: Option<DateTime>,
            /// Why there is no value.
            data_absent_reason: Option<CodeableConcept>,
            /// High, low, abnormal and so on.
            interpretation: Vec<CodeableConcept>,
            /// Remarks.
            note: Vec<Annotation>,
            /// Where on the body.
            body_site: Option<CodeableConcept>,
            /// How.
            method: Option<CodeableConcept>,
            /// From which specimen.
            specimen: Option<Reference>,
            /// By which device.
            device: Option<Reference>,
            /// What is usual.
            reference_range: Vec<ReferenceRange>,
            /// Parts that have values of their own.
            component: Vec<ObservationComponent>,
        }
    }
}

element! {
    /// What is usual (R4 Observation.referenceRange).
    pub struct ReferenceRange {
        /// The least.
        low: Option<Quantity>,
        /// The most.
        high: Option<Quantity>,
        /// In words.
        text: Option<String>,
    }
}

element! {
    /// A part of an observation (R4 Observation.component).
    pub struct ObservationComponent {
        required {
            /// What was observed.
            code: CodeableConcept,
        }
        optional {
            /// `value[x]` as a concept.
            value_codeable_concept: Option<CodeableConcept>,
            /// `value[x]` as an amount.
            value_quantity: Option<Quantity>,
            /// `value[x]` as words.
            value_string: Option<String>,
        }
    }
}
