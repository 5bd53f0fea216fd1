//! Refusals as OperationOutcome.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fhir::json::{JsonError, JsonProblem};
use fhir::resources::{IssueSeverity, IssueType, OperationOutcome, OutcomeIssue};
use fhir::types::CodeableConcept;
use fhir::{ReadError, StoreError};
use fhir_search::SearchError;
use fhir_validate::Issue;
use medicines::store::{Fault, FaultCode};

use super::resource;
use crate::problem::{Problem, code};

/// The system of the codes in `issue.details`; they are those of the JSON interface.
const CODES: &str = "urn:interlock:problem";

/// A refusal of the FHIR endpoint.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    issue: IssueType,
    /// Where in the request, as a FHIRPath.
    expression: Option<Box<str>>,
    /// The step of a write at which it failed.
    step: Option<usize>,
    /// All that validation found, each with its place.
    findings: Option<Box<OperationOutcome>>,
    /// After how many seconds it may be asked again.
    retry_after: Option<u32>,
}

impl Failure {
    pub(crate) fn new(problem: Problem, issue: IssueType) -> Self {
        Failure { problem, issue, expression: None, step: None, findings: None, retry_after: None }
    }

    /// 400: the body is no such resource.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Failure::new(Problem::bad(code::BAD_RESOURCE, detail), IssueType::Structure)
    }

    /// 422: the resource is not valid, by the policy of the client.
    pub(crate) fn not_valid(issues: &[Issue]) -> Self {
        let detail = "The resource is not valid.";
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::NOT_VALID, detail);
        let findings = Some(Box::new(fhir_validate::outcome(issues)));
        Failure { findings, ..Failure::new(problem, IssueType::Invalid) }
    }

    /// The same without telling what was found where.
    #[must_use]
    pub(crate) fn without_findings(self) -> Self {
        Failure { findings: None, ..self }
    }

    /// The same, with when it may be asked again.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Failure { retry_after: Some(seconds), ..self }
    }

    /// The same at a place in the request.
    #[must_use]
    pub(crate) fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into().into_boxed_str());
        self
    }

    /// The same within a part of the request: what stood at `Patient.name` now stands at
    /// `Bundle.entry[3].resource.name`.
    #[must_use]
    pub(crate) fn within(mut self, place: &str) -> Self {
        for finding in self.findings.iter_mut().flat_map(|all| &mut all.issue) {
            for place_of in &mut finding.expression {
                *place_of = inside(place, place_of);
            }
        }
        let inner = self.expression.take();
        self.expression =
            Some(inner.map_or_else(|| place.into(), |inner| inside(place, &inner).into()));
        self
    }

    /// The same at the entry of the step at which it failed.
    #[must_use]
    pub(crate) fn of_entry(self, entry_of: &[usize]) -> Self {
        match self.step.and_then(|step| entry_of.get(step)) {
            Some(entry) => self.within(&format!("Bundle.entry[{entry}]")),
            None => self,
        }
    }

    /// Whether the version, or that it is there, was not what the condition asks for.
    pub(crate) fn is_precondition(&self) -> bool {
        self.problem.code == FaultCode::Precondition.as_str()
    }

    /// The same as a reason for which a step is not done.
    pub(crate) fn into_fault(self, code: FaultCode) -> Fault {
        let fault = Fault::new(code, self.problem.detail);
        match self.expression {
            Some(expression) => fault.at(expression),
            None => fault,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.problem.status
    }

    pub(crate) fn outcome(&self) -> OperationOutcome {
        let severity = if self.problem.status.is_server_error() {
            IssueSeverity::Fatal
        } else {
            IssueSeverity::Error
        };
        let mut issue = fhir::outcome::issue(severity, self.issue, &self.problem.detail);
        issue.details = Some(CodeableConcept::of(CODES, self.problem.code, None));
        issue.expression.extend(self.expression.as_deref().map(str::to_owned));
        let Some(findings) = &self.findings else { return issue.into() };
        // Each finding has the code of the refusal, so that nobody has to look for it.
        let coded = |finding: &OutcomeIssue| OutcomeIssue {
            details: Some(CodeableConcept::of(CODES, self.problem.code, None)),
            ..finding.clone()
        };
        OperationOutcome::new(findings.issue.iter().map(coded).collect())
    }
}

/// What stood at `Patient.name` stands at `Bundle.entry[3].resource.name`.
fn inside(place: &str, inner: &str) -> String {
    match inner.split_once('.') {
        Some((_, path)) => format!("{place}.resource.{path}"),
        None => place.to_owned(),
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let issue = match problem.status {
            StatusCode::UNAUTHORIZED => IssueType::Login,
            StatusCode::FORBIDDEN => IssueType::Forbidden,
            StatusCode::NOT_FOUND => IssueType::NotFound,
            StatusCode::GONE => IssueType::Deleted,
            StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => IssueType::NotSupported,
            StatusCode::PAYLOAD_TOO_LARGE => IssueType::TooLong,
            StatusCode::REQUEST_TIMEOUT => IssueType::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => IssueType::Transient,
            status if status.is_server_error() => IssueType::Exception,
            _ => IssueType::Invalid,
        };
        Failure::new(problem, issue)
    }
}

/// A search error names the parameter and never quotes a value.
impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        let issue = error.issue_type();
        Failure::new(Problem::bad(code::BAD_QUERY, error.to_string()), issue)
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        let (status, issue) = match error.problem {
            JsonProblem::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, IssueType::TooLong),
            JsonProblem::TooDeep { .. } => (StatusCode::BAD_REQUEST, IssueType::TooCostly),
            _ => (StatusCode::BAD_REQUEST, IssueType::Structure),
        };
        let failure = Failure::new(Problem::new(status, code::NOT_JSON, error.to_string()), issue);
        if error.path.is_empty() { failure } else { failure.at(error.path) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Failure::invalid(format!("The body is no resource: {error}."));
        match error {
            StoreError::NotAnObject(_) => failure,
            StoreError::Meta => failure.at("Resource.meta"),
            StoreError::ResourceType => failure.at("Resource.resourceType"),
        }
    }
}

/// What is quoted is what the caller sent.
impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Failure::invalid(format!("The resource cannot be read: {}.", error.detail()))
            .at(error.expression())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let (status, issue) = match fault.code {
            FaultCode::NotFound => (StatusCode::NOT_FOUND, IssueType::NotFound),
            FaultCode::Gone => (StatusCode::GONE, IssueType::Deleted),
            FaultCode::Precondition => (StatusCode::PRECONDITION_FAILED, IssueType::Conflict),
            FaultCode::MultipleMatches => {
                (StatusCode::PRECONDITION_FAILED, IssueType::MultipleMatches)
            }
            FaultCode::Conflict => (StatusCode::CONFLICT, IssueType::Conflict),
            FaultCode::Duplicate => (StatusCode::BAD_REQUEST, IssueType::Duplicate),
            FaultCode::Invalid => (StatusCode::BAD_REQUEST, IssueType::Invalid),
            FaultCode::PatchFailed => (StatusCode::UNPROCESSABLE_ENTITY, IssueType::Processing),
            FaultCode::LoopRule => (StatusCode::UNPROCESSABLE_ENTITY, IssueType::BusinessRule),
        };
        let problem = Problem::new(status, fault.code.as_str(), fault.text);
        Failure {
            expression: fault.expression.map(String::into_boxed_str),
            step: Some(fault.step),
            ..Failure::new(problem, issue)
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = resource(self.outcome().to_json());
        self.problem.head(&mut response);
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
