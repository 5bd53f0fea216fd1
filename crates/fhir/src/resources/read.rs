//! Reading and writing any resource, and what is said when it cannot be read.

use crate::json;
use crate::primitives::ResourceType;

/// A resource that can be read from JSON and written to it.
pub trait Resource: Sized {
    /// Its `resourceType`.
    const TYPE: ResourceType;

    /// Reads it; unknown members are ignored.
    fn from_slice(json: &[u8]) -> Result<Self, ReadError>;

    /// Writes it as compact JSON.
    fn to_json(&self) -> String;
}

/// Why a JSON text is not the resource asked for.
///
/// What is displayed is safe for a log line. [`ReadError::detail`] may quote the resource, which
/// may be about a patient: it is for whoever sent the resource and for nobody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} that can be read, at {}", if path.is_empty() { "the top" } else { path })]
pub struct ReadError {
    kind: ResourceType,
    path: String,
    detail: String,
}

impl ReadError {
    pub(crate) fn new(kind: ResourceType, json: &[u8], error: &serde_json::Error) -> Self {
        let offset = offset_of(json, error.line(), error.column());
        let path = json::path_at(json, offset);
        Self { kind, path, detail: error.to_string() }
    }

    /// The type that was asked for.
    pub fn resource_type(&self) -> ResourceType {
        self.kind
    }

    /// Where in the resource, such as `dosageInstruction[0].text`; empty for the resource itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same with the type before it, as `OperationOutcome.issue.expression` wants it.
    pub fn expression(&self) -> String {
        if self.path.is_empty() {
            self.kind.as_str().to_owned()
        } else {
            format!("{}.{}", self.kind, self.path)
        }
    }

    /// Whether a number is beyond what exact decimals hold here.
    pub fn is_beyond(&self) -> bool {
        self.detail.starts_with(crate::primitives::BEYOND)
    }

    /// What is wrong, for the sender alone: it may quote the resource.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The byte offset of a line and a column, both counted from 1 in bytes.
fn offset_of(json: &[u8], line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match json[start..].iter().position(|b| *b == b'\n') {
            Some(length) => start += length + 1,
            None => break,
        }
    }
    (start + column).min(json.len())
}

#[cfg(test)]
mod tests {
    use crate::resources::{MedicationRequest, Patient};

    #[track_caller]
    fn check(json: &str, path: &str, detail: &str) {
        let error = MedicationRequest::from_slice(json.as_bytes()).unwrap_err();
        assert_eq!(error.path(), path, "{json}: {}", error.detail());
        assert!(error.detail().contains(detail), "{}", error.detail());
        assert!(!error.to_string().contains("Smith"), "{error}");
    }

    #[test]
    fn an_error_says_where_and_does_not_quote_the_patient() {
        let head = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order""#;
        check(
            r#"{"resourceType":"MedicationRequest","status":"Smith","intent":"order"}"#,
            "status",
            "Smith",
        );
        check(
            &format!(r#"{head},"subject":{{"display":["Smith"]}}}}"#),
            "subject.display",
            "invalid type",
        );
        check(
            &format!("{head},\n\"dosageInstruction\":[{{}},\n{{\"text\":\n12}}]}}"),
            "dosageInstruction[1].text",
            "invalid type",
        );
        check(&format!("{head}}}"), "", "missing field `subject`");
        check("", "", "EOF");
    }

    #[test]
    fn another_type_is_refused() {
        let error = Patient::from_slice(br#"{"resourceType":"Location"}"#).unwrap_err();
        assert_eq!(error.path(), "resourceType");
        assert_eq!(error.expression(), "Patient.resourceType");
        assert!(Patient::from_slice(b"{}").is_err());
    }
}
