//! AllergyIntolerance (<https://hl7.org/fhir/R4/allergyintolerance.html>).

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::systems;
use crate::types::{Annotation, CodeableConcept, Identifier, Period, Quantity, Range, Reference};

codes! {
    /// What lies behind the reaction (R4 allergy-intolerance-type).
    pub enum AllergyKind {
        /// An allergy.
        Allergy = "allergy",
        /// An intolerance.
        Intolerance = "intolerance",
    }
}

codes! {
    /// What kind of substance (R4 allergy-intolerance-category).
    pub enum AllergyCategory {
        /// Food.
        Food = "food",
        /// A medicine.
        Medication = "medication",
        /// Something around us.
        Environment = "environment",
        /// Something made from a living thing.
        Biologic = "biologic",
    }
}

codes! {
    /// How bad the next reaction might be (R4 allergy-intolerance-criticality).
    pub enum AllergyCriticality {
        /// Not a danger to life.
        Low = "low",
        /// A danger to life.
        High = "high",
        /// Cannot be said.
        UnableToAssess = "unable-to-assess",
    }
}

codes! {
    /// How bad a reaction was (R4 reaction-event-severity).
    pub enum AllergySeverity {
        /// Mild.
        Mild = "mild",
        /// Moderate.
        Moderate = "moderate",
        /// Severe.
        Severe = "severe",
    }
}

resource! {
    /// An allergy or an intolerance, or the statement that there is none. UK Core asks for `code`.
    pub struct AllergyIntolerance {
        required {
            /// Whose.
            patient: Reference,
        }
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// Active, inactive or resolved; required unless entered in error (ait-1, ait-2).
            clinical_status: Option<CodeableConcept>,
            /// Unconfirmed, confirmed, refuted or entered in error.
            verification_status: Option<CodeableConcept>,
            /// What lies behind it.
            #[serde(rename = "type")]
            kind: Option<AllergyKind>,
            /// Kinds of substance.
            category: Vec<AllergyCategory>,
            /// How bad the next reaction might be.
            criticality: Option<AllergyCriticality>,
            /// To what.
            code: Option<CodeableConcept>,
            /// During which stay it was noted.
            encounter: Option<Reference>,
            /// When it began, as a time.
            onset_date_time: Option<DateTime>,
            /// When it began, as an age.
            onset_age: Option<Quantity>,
            /// When it began, as a stretch of time.
            onset_period: Option<Period>,
            /// When it began, as a range of ages.
            onset_range: Option<Range>,
            /// When it began, in words.
            onset_string: Option<String>,
            /// When it was first recorded.
            recorded_date: Option<DateTime>,
            /// Who recorded it.
            recorder: Option<Reference>,
            /// Who said so.
            asserter: Option<Reference>,
            /// When it last showed.
            last_occurrence: Option<DateTime>,
            /// Remarks.
            note: Vec<Annotation>,
            /// Reactions there have been.
            reaction: Vec<AllergyReaction>,
        }
    }
}

impl AllergyIntolerance {
    /// The clinical status as its code.
    pub fn clinical_status_code(&self) -> Option<&str> {
        self.clinical_status.as_ref()?.code_in(systems::ALLERGY_CLINICAL_STATUS)
    }

    /// The verification status as its code.
    pub fn verification_status_code(&self) -> Option<&str> {
        self.verification_status.as_ref()?.code_in(systems::ALLERGY_VERIFICATION_STATUS)
    }

    /// Whether it must be heeded: neither refuted, nor entered in error, nor over.
    pub fn is_live(&self) -> bool {
        !matches!(self.verification_status_code(), Some("refuted" | "entered-in-error"))
            && !matches!(self.clinical_status_code(), Some("inactive" | "resolved"))
    }
}

element! {
    /// A reaction there has been (R4 AllergyIntolerance.reaction).
    pub struct AllergyReaction {
        required {
            /// What was seen.
            manifestation: Vec<CodeableConcept>,
        }
        optional {
            /// To what, where it is more exact than the allergy's code.
            substance: Option<CodeableConcept>,
            /// In words.
            description: Option<String>,
            /// When it began.
            onset: Option<DateTime>,
            /// How bad it was.
            severity: Option<AllergySeverity>,
            /// How the substance was taken; not for decision support (UK Core guidance).
            exposure_route: Option<CodeableConcept>,
            /// Remarks.
            note: Vec<Annotation>,
        }
    }
}
