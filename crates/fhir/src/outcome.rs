//! Building an OperationOutcome.

use crate::json::JsonError;
use crate::json::JsonProblem;
use crate::resources::{IssueSeverity, IssueType, OperationOutcome, OutcomeIssue, ReadError};

/// An issue with its words.
pub fn issue(severity: IssueSeverity, code: IssueType, diagnostics: &str) -> OutcomeIssue {
    let mut issue = OutcomeIssue::new(severity, code);
    issue.diagnostics = Some(diagnostics.to_owned());
    issue
}

impl OutcomeIssue {
    /// Says where in the resource, as a simple FHIRPath such as `Patient.name[0]`.
    #[must_use]
    pub fn at(mut self, expression: &str) -> Self {
        self.expression.push(expression.to_owned());
        self
    }
}

impl OperationOutcome {
    /// One error.
    pub fn error(code: IssueType, diagnostics: &str) -> Self {
        issue(IssueSeverity::Error, code, diagnostics).into()
    }

    /// One warning.
    pub fn warning(code: IssueType, diagnostics: &str) -> Self {
        issue(IssueSeverity::Warning, code, diagnostics).into()
    }

    /// One piece of information.
    pub fn information(diagnostics: &str) -> Self {
        issue(IssueSeverity::Information, IssueType::Informational, diagnostics).into()
    }
}

impl From<OutcomeIssue> for OperationOutcome {
    fn from(issue: OutcomeIssue) -> Self {
        Self::new(vec![issue])
    }
}

/// Tells the sender what is wrong with the JSON.
impl From<&JsonError> for OperationOutcome {
    fn from(error: &JsonError) -> Self {
        let code = match error.problem {
            JsonProblem::TooLarge { .. } | JsonProblem::LongNumber => IssueType::TooLong,
            JsonProblem::TooDeep { .. } => IssueType::TooCostly,
            _ => IssueType::Structure,
        };
        let mut outcome = issue(IssueSeverity::Error, code, &error.to_string());
        if !error.path.is_empty() {
            outcome = outcome.at(&error.path);
        }
        outcome.into()
    }
}

/// Tells the sender what is wrong with the resource; it may quote the resource.
impl From<&ReadError> for OperationOutcome {
    fn from(error: &ReadError) -> Self {
        issue(IssueSeverity::Error, IssueType::Structure, error.detail())
            .at(&error.expression())
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Limits};
    use crate::resources::Patient;

    #[track_caller]
    fn check(outcome: &OperationOutcome, issue: &str) {
        let expected = format!(r#"{{"resourceType":"OperationOutcome","issue":[{issue}]}}"#);
        assert_eq!(outcome.to_json(), expected);
    }

    #[test]
    fn an_outcome_says_what_and_where() {
        let missing = issue(IssueSeverity::Error, IssueType::Required, "no subject");
        check(
            &missing.at("MedicationRequest.subject").into(),
            concat!(
                r#"{"severity":"error","code":"required","diagnostics":"no subject","#,
                r#""expression":["MedicationRequest.subject"]}"#,
            ),
        );
        let bad = json::check(br#"{"a":{"b":1,"b":2}}"#, Limits::default()).unwrap_err();
        check(
            &OperationOutcome::from(&bad),
            concat!(
                r#"{"severity":"error","code":"structure","#,
                r#""diagnostics":"the member comes twice in the same object, at byte 12,"#,
                r#" a.b","expression":["a.b"]}"#,
            ),
        );
        let bad = Patient::from_slice(br#"{"resourceType":"Patient","active":"no"}"#).unwrap_err();
        check(
            &OperationOutcome::from(&bad),
            concat!(
                r#"{"severity":"error","code":"structure","#,
                r#""diagnostics":"invalid type: string \"no\","#,
                r#" expected a boolean at line 1 column 39","#,
                r#""expression":["Patient.active"]}"#,
            ),
        );
    }
}
