//! How many requests are worked on at the same time, and for how long.
//!
//! Three kinds of callers wait for turns of their own, so that none can take those of another:
//! known clients, whoever asks what anybody may know, and whoever asks for the routes beside the
//! interface. Nobody holds a turn of the clients before their token is known.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::body;
use crate::problem::{Problem, code};
use crate::routes::Style;

/// The most requests of known clients that are worked on at the same time; more wait.
const MAX_REQUESTS: usize = 256;
/// The same, of requests that need no client. They wait for nothing, so that few are enough.
const MAX_OPEN_REQUESTS: usize = 32;
/// The same, of requests that are not of the interface.
const MAX_OTHER_REQUESTS: usize = 64;
/// The most time from the end of a request's head to the beginning of its answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Turns for a number of requests at the same time. A clone hands out the same turns.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// The turns of known clients.
    pub(crate) fn of_clients() -> Self {
        Turns(Arc::new(Semaphore::new(MAX_REQUESTS)))
    }

    /// The turns of the interface's routes that anybody may use.
    pub(crate) fn of_anybody() -> Self {
        Turns(Arc::new(Semaphore::new(MAX_OPEN_REQUESTS)))
    }

    /// The turns of the routes beside the interface.
    pub(crate) fn of_others() -> Self {
        Turns(Arc::new(Semaphore::new(MAX_OTHER_REQUESTS)))
    }

    /// Has a request worked on once it is its turn.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed, so the only outcome is a turn.
        let _turn = self.0.acquire().await.ok();
        work.await
    }
}

/// The answer, or a refusal where it takes longer than [`REQUEST_TIME`].
pub(crate) async fn in_time(style: Style, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(REQUEST_TIME, answer).await.unwrap_or_else(|_| {
        let detail = "The node did not answer in time. What was asked may have been done: ask \
                      again with the same Idempotency-Key.";
        style.answer(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::TIME_OUT, detail))
    })
}

/// Lets a request through to the routes beside the interface. Its body is read before its turn
/// begins: whoever sends one slowly keeps nobody waiting.
pub(crate) async fn others(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match body::bytes(body).await {
        Ok(bytes) => Body::from(bytes),
        Err(problem) => return Style::Json.answer(problem),
    };
    let request = Request::from_parts(parts, body);
    in_time(Style::Json, turns.run(next.run(request))).await
}
