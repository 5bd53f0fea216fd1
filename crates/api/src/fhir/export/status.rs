//! The state of an export, and its end.

use std::sync::atomic::Ordering;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fhir::resources::IssueType;
use serde_json::json;

use super::job::{Output, State};
use super::kickoff::exports;
use super::{Entry, KEPT_FOR, http_date};
use crate::door::Caller;
use crate::fhir::{Failure, acceptable};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// When to ask for the state again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// `GET /fhir/_export/{job}`.
pub(crate) async fn get(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    acceptable(&headers, None)?;
    let entry = exports(&api)?.of(caller.name(), &id).ok_or_else(no_such_job)?;
    match &entry.job.state {
        State::Running => Ok(running(&entry)),
        State::Done => Ok(manifest(&api.fhir_base, &entry)),
        State::Failed { why } => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let problem = Problem::new(status, code::EXPORT_FAILED, why.clone());
            Err(Failure::new(problem, IssueType::Processing))
        }
    }
}

/// `DELETE /fhir/_export/{job}`.
pub(crate) async fn delete(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    if exports(&api)?.delete(caller.name(), &id) {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Err(no_such_job())
}

/// Of another client's job nothing is told, not even that it is there.
pub(super) fn no_such_job() -> Failure {
    let detail = "There is no such export: it was deleted, has expired, or is another client's.";
    Problem::not_found(detail).into()
}

fn running(entry: &Entry) -> Response {
    let (types, all) = (entry.progress.types.load(Ordering::Relaxed), entry.job.asked.types.len());
    let resources = entry.progress.resources.load(Ordering::Relaxed);
    let progress = format!("{types} of {all} types, {resources} resources");
    let mut response = StatusCode::ACCEPTED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    if let Ok(progress) = HeaderValue::try_from(progress) {
        headers.insert("x-progress", progress);
    }
    response
}

fn manifest(base: &str, entry: &Entry) -> Response {
    let job = &entry.job;
    let file = |output: &Output| {
        let url = format!("{base}/_export/{}/{}", job.id, output.name);
        json!({ "type": output.kind, "url": url, "count": output.count })
    };
    let (deleted, output): (Vec<&Output>, Vec<&Output>) =
        job.files.iter().partition(|output| output.deleted);
    let body = json!({
        "transactionTime": fhir::Instant::at(job.at.unwrap_or(job.began)).to_string(),
        "request": job.asked.request,
        "requiresAccessToken": true,
        "output": output.into_iter().map(file).collect::<Vec<_>>(),
        "deleted": deleted.into_iter().map(file).collect::<Vec<_>>(),
        "error": [],
    });
    let mut response = axum::Json(body).into_response();
    let expires = job.expires(KEPT_FOR).and_then(http_date);
    if let Some(expires) = expires.and_then(|at| HeaderValue::try_from(at).ok()) {
        response.headers_mut().insert(header::EXPIRES, expires);
    }
    response
}
