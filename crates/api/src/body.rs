//! Bodies of requests: strict JSON within limits.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use fhir::json::{JsonProblem, Limits, check};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, code};

/// The most bytes of a body: far more than any request needs.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// The most time from the first byte of a body to its last.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Takes a body that the headers say is JSON.
pub(crate) async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    json_bytes_within(headers, body, MAX_BODY_BYTES).await
}

/// The same with a limit of its own, in bytes.
pub(crate) async fn json_bytes_within(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        let detail = "Send the header Content-Type: application/json.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::CONTENT_TYPE, detail));
    }
    bytes_within(body, most).await
}

/// Takes a body, within the limits of size and time.
pub(crate) async fn bytes(body: Body) -> Result<Bytes, Problem> {
    bytes_within(body, MAX_BODY_BYTES).await
}

pub(crate) async fn bytes_within(body: Body, most: usize) -> Result<Bytes, Problem> {
    // `to_bytes` reports an early end and a large body alike; one byte more tells them apart.
    match tokio::time::timeout(BODY_TIME, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(too_large(most)),
        Ok(Err(_)) => {
            let detail = "The body ended before its end.";
            Err(Problem::bad(code::BODY_LOST, detail))
        }
        Err(_) => {
            let detail = "The body took too long.";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, code::BODY_TOO_SLOW, detail))
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    use std::error::Error;
    error.source().is_some_and(|source| source.to_string().contains("length limit"))
}

pub(crate) fn too_large(most: usize) -> Problem {
    let detail = format!("The body is longer than {most} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code::BODY_TOO_LARGE, detail)
}

/// Reads strict JSON: no name twice, nothing deep, nothing that is not asked for.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    read_within(bytes, MAX_BODY_BYTES)
}

/// The same with a limit of its own, in bytes.
pub(crate) fn read_within<T: DeserializeOwned>(bytes: &[u8], most: usize) -> Result<T, Problem> {
    let limits = Limits { bytes: most, ..Limits::default() };
    let text = check(bytes, limits).map_err(|error| match error.problem {
        JsonProblem::TooLarge { .. } => too_large(most),
        _ => Problem::bad(code::NOT_JSON, error.to_string()),
    })?;
    serde_json::from_str(text).map_err(|error| Problem::bad(code::BAD_BODY, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[expect(dead_code, reason = "only reading it matters")]
        a: u32,
    }

    #[track_caller]
    fn refused(body: &str, expected: (u16, &str)) {
        let problem = read::<Small>(body.as_bytes()).unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.code), expected, "{body}: {problem:?}");
    }

    #[test]
    fn a_body_is_strict() {
        assert!(read::<Small>(b"{\"a\":1}").is_ok());
        refused("", (400, "not-json"));
        refused("{\"a\":1,\"a\":1}", (400, "not-json"));
        refused("{\"a\":1}x", (400, "not-json"));
        refused(&"[".repeat(40), (400, "not-json"));
        refused("{\"a\":1,\"b\":1}", (400, "bad-body"));
        refused("{}", (400, "bad-body"));
        refused("{\"a\":\"1\"}", (400, "bad-body"));
        refused(&" ".repeat(MAX_BODY_BYTES + 1), (413, "body-too-large"));
    }
}
