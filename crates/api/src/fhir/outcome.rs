//! Refusals as OperationOutcome.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fhir::resources::{IssueSeverity, IssueType, OperationOutcome};
use fhir::search::SearchError;
use fhir::types::CodeableConcept;

use super::resource;
use crate::problem::{Problem, code};

/// The system of the codes in `issue.details`; they are those of the JSON interface.
const CODES: &str = "urn:interlock:problem";

/// A refusal of the FHIR endpoint.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    issue: IssueType,
}

impl Failure {
    pub(crate) fn new(problem: Problem, issue: IssueType) -> Self {
        Failure { problem, issue }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let issue = match problem.status {
            StatusCode::UNAUTHORIZED => IssueType::Login,
            StatusCode::FORBIDDEN => IssueType::Forbidden,
            StatusCode::NOT_FOUND => IssueType::NotFound,
            StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => IssueType::NotSupported,
            StatusCode::PAYLOAD_TOO_LARGE => IssueType::TooLong,
            StatusCode::REQUEST_TIMEOUT => IssueType::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => IssueType::Transient,
            status if status.is_server_error() => IssueType::Exception,
            _ => IssueType::Invalid,
        };
        Failure { problem, issue }
    }
}

/// A search error names the parameter and never quotes a value.
impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        let issue = error.issue_type();
        Failure { problem: Problem::bad(code::BAD_QUERY, error.to_string()), issue }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let severity = if self.problem.status.is_server_error() {
            IssueSeverity::Fatal
        } else {
            IssueSeverity::Error
        };
        let mut issue = fhir::outcome::issue(severity, self.issue, &self.problem.detail);
        issue.details = Some(CodeableConcept::of(CODES, self.problem.code, None));
        let mut response = resource(OperationOutcome::from(issue).to_json());
        self.problem.head(&mut response);
        response
    }
}
