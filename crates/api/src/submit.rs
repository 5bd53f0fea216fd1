//! Acting: the idempotency key, the command, and what its answer is over HTTP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::{Command, Receipt};
use medicines::cabinet::RefusalCode;
use medicines::{Answer, ProblemCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body;
use crate::door::Caller;
use crate::problem::{ChoiceBody, More, Problem, code};
use crate::state::ApiState;

/// The header that makes a repeat known as one.
const KEY_HEADER: &str = "idempotency-key";
/// The most characters of a key.
pub(crate) const MAX_KEY_CHARS: usize = 128;
/// The header of an answer that was given before, to the same request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A request that wants to act: its key and its body.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) raw: Bytes,
}

/// Reads the key and the body of a request.
pub(crate) async fn asked(request: Request) -> Result<Asked, Problem> {
    let (parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let raw = body::json_bytes(&parts.headers, body).await?;
    Ok(Asked { key, raw })
}

/// The key, where the request brings one.
pub(crate) fn optional_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if headers.contains_key(KEY_HEADER) { key(headers).map(Some) } else { Ok(None) }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let Some(value) = values.next() else {
        let detail = "Send the header Idempotency-Key: a new value for each new request, the \
                      same value when the same request is repeated.";
        return Err(Problem::bad(code::KEY_MISSING, detail));
    };
    let text = value.to_str().unwrap_or_default();
    let fits = (1..=MAX_KEY_CHARS).contains(&text.len());
    if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) || values.next().is_some() {
        let detail = "An Idempotency-Key is one value of 1 to 128 printable ASCII characters \
                      without blanks.";
        return Err(Problem::bad(code::KEY_INVALID, detail));
    }
    Ok(text.to_owned())
}

/// Has a request decided. `about` is what the address says beside the body; it is a part of the
/// key, because the same body at another address is another request.
pub(crate) async fn act(
    api: &ApiState,
    caller: &Caller,
    channel: &str,
    about: Option<&str>,
    asked: Asked,
    request: medicines::Request,
) -> Result<Receipt, Problem> {
    let name = caller.name();
    let key = match about {
        Some(about) => format!("{name}|{about}|{}", asked.key),
        None => format!("{name}|{}", asked.key),
    };
    let command = Command {
        channel: Arc::from(channel),
        key: Some(key),
        by: name.to_owned(),
        message_type: None,
        control_id: Some(asked.key),
        received: api.engine.clock().now(),
        request,
        raw: asked.raw.into(),
    };
    Ok(api.submit(command).await?)
}

/// An answer with a body, and the mark of a repeat.
pub(crate) fn answer(status: StatusCode, receipt: &Receipt, body: &impl Serialize) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    if receipt.duplicate {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {}

/// The answer where nothing is to be said but that it is done, or why it is not.
pub(crate) fn done(receipt: &Receipt) -> Result<Response, Problem> {
    match receipt.answer {
        Answer::Done => Ok(answer(StatusCode::OK, receipt, &Done {})),
        _ => Err(refusal(receipt)),
    }
}

/// What a receipt says that does not hold what was asked for.
pub(crate) fn refusal(receipt: &Receipt) -> Problem {
    let reused = || {
        let detail = "This Idempotency-Key came before with another request: nothing was done. \
                      Send it again with a key of its own.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::KEY_REUSED, detail)
    };
    match &receipt.answer {
        Answer::Refused(refusal) if refusal.code == RefusalCode::KeyReused => reused(),
        Answer::Refused(refusal) => {
            let (code, text) = (refusal.code.as_str(), refusal.text.as_str());
            let mut problem = Problem::new(StatusCode::FORBIDDEN, code, text);
            problem.more = Some(Box::new(More {
                earliest: refusal.earliest,
                reason: refusal.reason.clone(),
                choices: refusal.choices.iter().map(ChoiceBody::from).collect(),
            }));
            problem
        }
        Answer::Parked(problem) if problem.code == ProblemCode::ControlIdReused => reused(),
        Answer::Parked(problem) => {
            let (code, text) = (problem.code.as_str(), problem.text.as_str());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text)
        }
        Answer::Done
        | Answer::Created(_)
        | Answer::Permitted(_)
        | Answer::Checked(_)
        | Answer::Written(_)
        | Answer::Unwritten(_) => {
            tracing::error!(entry = receipt.seq, "an answer of another kind than was asked for");
            Problem::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&[u8]], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY_HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        let found = key(&headers);
        let found = found.as_deref().map_err(|problem| problem.code);
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn a_key_is_one_printable_value() {
        check(&[b"0f8c-1"], Ok("0f8c-1"));
        let most = "x".repeat(128);
        check(&[most.as_bytes()], Ok(&most));
        check(&[], Err("key-missing"));
        check(&[b""], Err("key-invalid"));
        check(&[b"a b"], Err("key-invalid"));
        check(&[b"\xff"], Err("key-invalid"));
        check(&["x".repeat(129).as_bytes()], Err("key-invalid"));
        check(&[b"a", b"a"], Err("key-invalid"));
    }
}
