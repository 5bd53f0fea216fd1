//! DiagnosticReport (<https://hl7.org/fhir/R4/diagnosticreport.html>).

use crate::element::{codes, resource};
use crate::primitives::{DateTime, Instant};
use crate::types::{Attachment, CodeableConcept, Identifier, Period, Reference};

codes! {
    /// How far a report has come (R4 diagnostic-report-status).
    pub enum DiagnosticReportStatus {
        /// Known of, without results yet.
        Registered = "registered",
        /// Some results, not verified.
        Partial = "partial",
        /// First results that may change.
        Preliminary = "preliminary",
        /// Complete.
        Final = "final",
        /// Changed after it was final.
        Amended = "amended",
        /// Changed after it was final, because it was wrong.
        Corrected = "corrected",
        /// Added to after it was final.
        Appended = "appended",
        /// There will be no results.
        Cancelled = "cancelled",
        /// It was never this patient's.
        EnteredInError = "entered-in-error",
        /// Not known.
        Unknown = "unknown",
    }
}

impl DiagnosticReportStatus {
    /// Whether a preliminary word that comes later must not take its place.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Registered | Self::Partial | Self::Preliminary | Self::Unknown)
    }
}

resource! {
    /// The answer of a laboratory or another diagnostic service to a request.
    pub struct DiagnosticReport {
        required {
            /// How far it has come.
            status: DiagnosticReportStatus,
            /// What was looked for.
            code: CodeableConcept,
        }
        optional {
            /// Numbers: the placer's and the filler's.
            identifier: Vec<Identifier>,
            /// What was asked for.
            based_on: Vec<Reference>,
            /// Which service made it.
            category: Vec<CodeableConcept>,
            /// Whom it is about.
            subject: Option<Reference>,
            /// During which stay.
            encounter: Option<Reference>,
            /// When the specimen was taken or the picture made.
            effective_date_time: Option<DateTime>,
            /// From when to when.
            effective_period: Option<Period>,
            /// When this version was made available.
            issued: Option<Instant>,
            /// The service responsible.
            performer: Vec<Reference>,
            /// Who read the results.
            results_interpreter: Vec<Reference>,
            /// Which specimens.
            specimen: Vec<Reference>,
            /// The observations.
            result: Vec<Reference>,
            /// What it comes to, in words.
            conclusion: Option<String>,
            /// The whole report as it was issued.
            presented_form: Vec<Attachment>,
        }
    }
}
