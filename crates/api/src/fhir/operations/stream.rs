//! `$sse` of a Subscription: its notifications as a stream of server-sent events. It is an
//! operation of this server; the guide leaves other channels to it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use medicines::subscriptions::{MAX_TOLD, Status, Subscription};

use super::subscription::{find, own};
use crate::door::Caller;
use crate::fhir::Failure;
use crate::fhir::subscriptions::Asked;
use crate::fhir::subscriptions::stream::{begin, is_stream};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The header with the number of the last event that came.
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /fhir/Subscription/{id}/$sse`.
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (one, asked) = find(&api, &kind, &name).await?;
    own(&api, &caller, &one, &asked)?;
    readable(&one, &asked)?;
    let last = last(&one, &headers)?;
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        begin(&api, one.id, last).await.ok_or_else(|| {
            let detail = "Too many streams are read now: come again later.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::TIME_OUT, detail)
        })?
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn readable(one: &Subscription, asked: &Asked) -> Result<(), Failure> {
    let unfit = |detail: &str| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Failure::from(Problem::new(status, code::BAD_SUBSCRIPTION, detail))
    };
    if !is_stream(asked) {
        return Err(unfit("This subscription is told at its endpoint, and not on a stream."));
    }
    match one.status {
        Status::Requested | Status::Active => Ok(()),
        Status::Error | Status::Off => {
            Err(unfit("This subscription is not on: ask for it anew (status requested)."))
        }
    }
}

/// The number of the last event that the reader has seen, where what came after it can be told.
/// What that is, is found when the stream begins.
fn last(one: &Subscription, headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let last: Option<u64> = last.to_str().ok().and_then(|last| last.trim().parse().ok());
    // What came last may not have been journaled as taken: then it comes once more.
    let ahead = one.events + u64::try_from(MAX_TOLD).unwrap_or_default();
    let last = last.filter(|last| *last <= ahead).ok_or_else(|| {
        let detail = "Last-Event-ID is the number of an event of this subscription.";
        Failure::from(Problem::bad(code::BAD_VALUE, detail))
    })?;
    let oldest = one.reaches();
    if last + 1 < oldest {
        let detail = format!(
            "Events before number {oldest} cannot be told again: read the resources anew, and come \
             without Last-Event-ID."
        );
        return Err(Problem::new(StatusCode::GONE, code::GONE, detail).into());
    }
    Ok(Some(last))
}

#[cfg(test)]
mod tests {
    use medicines::subscriptions::{Mark, Place};

    use super::*;
    use crate::fhir::subscriptions::sample;

    #[test]
    fn a_reader_goes_on_after_the_last_event_that_came() {
        let place = |seq| Place { seq, ordinal: 0 };
        let mut one = sample(6, [40, 50, 60]);
        let check = |one: &Subscription, of: Option<&str>, expected: Result<Option<u64>, u16>| {
            let mut headers = HeaderMap::new();
            if let Some(of) = of {
                headers.insert(LAST_EVENT_ID, of.parse().unwrap());
            }
            let found = last(one, &headers).map_err(|failure| failure.status().as_u16());
            assert_eq!(found, expected, "{of:?}");
        };
        check(&one, None, Ok(None));
        check(&one, Some("6"), Ok(Some(6)));
        check(&one, Some("3"), Ok(Some(3)));
        check(&one, Some("2"), Err(410));
        check(&one, Some("8"), Ok(Some(8)));
        check(&one, Some("107"), Err(400));
        check(&one, Some("x"), Err(400));
        one.marks.push_back(Mark { events: 1, looked: place(15) });
        check(&one, Some("1"), Ok(Some(1)));
        check(&one, Some("0"), Err(410));
    }
}
