//! How a medicine is to be taken.

use crate::element::element;

use super::{CodeableConcept, Quantity, Range, Ratio, Timing};

element! {
    /// One instruction of how to take or give a medicine (R4 Dosage).
    pub struct Dosage {
        /// Instructions with the same number go together, the next number comes after.
        sequence: Option<i32>,
        /// The whole instruction in words; the least that UK Core asks for.
        text: Option<String>,
        /// More instructions or warnings.
        additional_instruction: Vec<CodeableConcept>,
        /// Words for the patient.
        patient_instruction: Option<String>,
        /// When.
        timing: Option<Timing>,
        /// Only when needed.
        as_needed_boolean: Option<bool>,
        /// Only when needed, and for what.
        as_needed_codeable_concept: Option<CodeableConcept>,
        /// Where on the body.
        site: Option<CodeableConcept>,
        /// By which route.
        route: Option<CodeableConcept>,
        /// By which method.
        method: Option<CodeableConcept>,
        /// How much, and how fast.
        dose_and_rate: Vec<DoseAndRate>,
        /// The most in a stretch of time.
        max_dose_per_period: Option<Ratio>,
        /// The most each time.
        max_dose_per_administration: Option<Quantity>,
        /// The most in a life.
        max_dose_per_lifetime: Option<Quantity>,
    }
}

element! {
    /// How much and how fast (R4 Dosage.doseAndRate).
    pub struct DoseAndRate {
        /// Whether it was ordered or calculated.
        #[serde(rename = "type")]
        kind: Option<CodeableConcept>,
        /// From this much to that much.
        dose_range: Option<Range>,
        /// This much.
        dose_quantity: Option<Quantity>,
        /// This much in each stretch of time.
        rate_ratio: Option<Ratio>,
        /// From this fast to that fast.
        rate_range: Option<Range>,
        /// This fast, in a unit that has the time in it.
        rate_quantity: Option<Quantity>,
    }
}
