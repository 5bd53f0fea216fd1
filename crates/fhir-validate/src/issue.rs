//! What validation finds.

use fhir::resources::{IssueSeverity, IssueType, OperationOutcome, OutcomeIssue};

/// How bad an issue is (R4 value set issue-severity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something that may be of interest, such as what could not be checked.
    Information,
    /// Something that a careful sender would do otherwise.
    Warning,
    /// The resource breaks a rule.
    Error,
}

/// What kind of issue it is (R4 value set issue-type, as far as validation uses it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssueCode {
    /// An element that may not be there, or of another form.
    Structure,
    /// An element that has to be there.
    Required,
    /// A value that its type or a rule does not allow.
    Value,
    /// A rule between elements does not hold.
    Invariant,
    /// A code that is not in its value set or code system.
    CodeInvalid,
    /// Something that the resource names is not known.
    NotFound,
    /// An extension that may not stand where it does, or is not known.
    Extension,
    /// The resource is beyond the limits of validation.
    TooCostly,
}

impl IssueCode {
    /// The code of the value set.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::CodeInvalid => "code-invalid",
            Self::NotFound => "not-found",
            Self::Extension => "extension",
            Self::TooCostly => "too-costly",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: IssueCode,
    /// Where, as a simple FHIRPath: `Patient.name[0].given[1]`.
    pub expression: String,
    /// What is wrong, in words. It may repeat codes and URLs of the resource, never free text.
    pub text: String,
    /// The profile whose rule it is, where it is not one of R4 itself.
    pub profile: Option<String>,
}

impl From<&Issue> for OutcomeIssue {
    fn from(issue: &Issue) -> Self {
        let severity = match issue.severity {
            Severity::Information => IssueSeverity::Information,
            Severity::Warning => IssueSeverity::Warning,
            Severity::Error => IssueSeverity::Error,
        };
        let code = match issue.code {
            IssueCode::Structure => IssueType::Structure,
            IssueCode::Required => IssueType::Required,
            IssueCode::Value => IssueType::Value,
            IssueCode::Invariant => IssueType::Invariant,
            IssueCode::CodeInvalid => IssueType::CodeInvalid,
            IssueCode::NotFound => IssueType::NotFound,
            IssueCode::Extension => IssueType::Extension,
            IssueCode::TooCostly => IssueType::TooCostly,
        };
        let text = match &issue.profile {
            Some(profile) => format!("{} ({profile})", issue.text),
            None => issue.text.clone(),
        };
        let outcome = fhir::outcome::issue(severity, code, &text);
        if issue.expression.is_empty() { outcome } else { outcome.at(&issue.expression) }
    }
}

/// What `$validate` answers: the issues, or that there are none.
pub fn outcome(issues: &[Issue]) -> OperationOutcome {
    if issues.is_empty() {
        return OperationOutcome::information("the resource is valid");
    }
    OperationOutcome::new(issues.iter().map(OutcomeIssue::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_says_what_and_where() {
        let issue = Issue {
            severity: Severity::Warning,
            code: IssueCode::CodeInvalid,
            expression: "Patient.gender".to_owned(),
            text: "x".to_owned(),
            profile: Some("urn:p".to_owned()),
        };
        assert_eq!(
            outcome(&[issue]).issue,
            [fhir::outcome::issue(IssueSeverity::Warning, IssueType::CodeInvalid, "x (urn:p)")
                .at("Patient.gender")]
        );
        assert_eq!(outcome(&[]).issue[0].severity, IssueSeverity::Information);
    }
}
