//! OperationOutcome (<https://hl7.org/fhir/R4/operationoutcome.html>).

use crate::element::{codes, element, resource};
use crate::types::CodeableConcept;

codes! {
    /// How bad an issue is (R4 issue-severity).
    pub enum IssueSeverity {
        /// Nothing was done, and no more could be checked.
        Fatal = "fatal",
        /// Nothing was done.
        Error = "error",
        /// It was done, with something to look at.
        Warning = "warning",
        /// It was done, and this is worth knowing.
        Information = "information",
    }
}

codes! {
    /// What kind of issue (R4 issue-type).
    pub enum IssueType {
        /// The content is not valid.
        Invalid = "invalid",
        /// It cannot be parsed.
        Structure = "structure",
        /// Something required is missing.
        Required = "required",
        /// A value is not allowed.
        Value = "value",
        /// A rule of the content is broken.
        Invariant = "invariant",
        /// Somebody must sign in, or may not do this.
        Security = "security",
        /// Nobody is signed in.
        Login = "login",
        /// The user is not known.
        Unknown = "unknown",
        /// The session is over.
        Expired = "expired",
        /// The user may not do this.
        Forbidden = "forbidden",
        /// Something was left out for privacy.
        Suppressed = "suppressed",
        /// It could not be processed.
        Processing = "processing",
        /// It is not supported.
        NotSupported = "not-supported",
        /// It is there already.
        Duplicate = "duplicate",
        /// More than one matches.
        MultipleMatches = "multiple-matches",
        /// It is not there.
        NotFound = "not-found",
        /// It has been deleted.
        Deleted = "deleted",
        /// It is too long.
        TooLong = "too-long",
        /// A code is not valid.
        CodeInvalid = "code-invalid",
        /// An extension is not understood.
        Extension = "extension",
        /// It would cost too much.
        TooCostly = "too-costly",
        /// A rule of the business is broken.
        BusinessRule = "business-rule",
        /// Somebody else changed it.
        Conflict = "conflict",
        /// It cannot be done for now.
        Transient = "transient",
        /// A lock is held.
        LockError = "lock-error",
        /// A store is not there.
        NoStore = "no-store",
        /// Something broke.
        Exception = "exception",
        /// It took too long.
        Timeout = "timeout",
        /// Not all of it could be found.
        Incomplete = "incomplete",
        /// Too many requests.
        Throttled = "throttled",
        /// For information.
        Informational = "informational",
    }
}

resource! {
    /// What went wrong with a request, or what is worth knowing about it.
    pub struct OperationOutcome {
        required {
            /// One or more issues.
            issue: Vec<OutcomeIssue>,
        }
        optional {}
    }
}

element! {
    /// One thing (R4 OperationOutcome.issue).
    pub struct OutcomeIssue {
        required {
            /// How bad it is.
            severity: IssueSeverity,
            /// What kind it is.
            code: IssueType,
        }
        optional {
            /// What kind it is, more exactly.
            details: Option<CodeableConcept>,
            /// In words.
            diagnostics: Option<String>,
            /// Where in the request, in a form that is no longer in use.
            location: Vec<String>,
            /// Where in the resource, as a simple FHIRPath.
            expression: Vec<String>,
        }
    }
}
