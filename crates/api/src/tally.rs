//! How many requests came on which route, how they were answered, and how long that took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use engine::{Buckets, Histogram};

use crate::routes::{ROUTES, Verb};

/// The status codes that are counted apart; what is none of them is counted under its first digit.
const STATUSES: [u16; 20] = [
    200, 201, 204, 303, 304, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 429, 500,
    503,
];
/// The first digits, for the others.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// What stands for the pages of the console, and for addresses at which there is nothing.
const OTHER: &str = "other";

/// Counters of all routes; a cheap handle.
#[derive(Debug, Clone)]
pub struct Tally(Arc<[OneRoute]>);

#[derive(Debug)]
struct OneRoute {
    statuses: [AtomicU64; STATUSES.len()],
    classes: [AtomicU64; CLASSES.len()],
    took: Histogram,
}

/// What was counted of one route since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTally {
    /// The method, `GET` or `POST`; empty for what is no route of the interface.
    pub method: &'static str,
    /// The route with its parameters in braces; `other` for what is none of the interface.
    pub route: &'static str,
    /// How many requests were answered how, as far as there were any.
    pub statuses: Vec<(String, u64)>,
    /// How long answers took, in microseconds.
    pub took: Buckets,
}

impl Default for Tally {
    fn default() -> Self {
        let one = || OneRoute {
            statuses: Default::default(),
            classes: Default::default(),
            took: Histogram::times(),
        };
        // The last one counts what is no route of the interface.
        Tally((0..=ROUTES.len()).map(|_| one()).collect())
    }
}

impl Tally {
    fn note(&self, route: usize, status: u16, took: Duration) {
        let one = &self.0[route];
        one.took.note_time(took);
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        let counter = STATUSES
            .iter()
            .position(|known| *known == status)
            .map_or(&one.classes[class], |at| &one.statuses[at]);
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted of every route.
    pub fn read(&self) -> Vec<RouteTally> {
        let names = ROUTES.iter().map(|route| (route.verb.as_str(), route.path));
        let all = names.chain([("", OTHER)]).zip(self.0.iter());
        all.map(|((method, route), one)| {
            let statuses = STATUSES.iter().map(u16::to_string).zip(&one.statuses);
            let classes = CLASSES.iter().map(ToString::to_string).zip(&one.classes);
            let counts = statuses.chain(classes);
            let counts = counts.map(|(status, count)| (status, count.load(Ordering::Relaxed)));
            RouteTally {
                method,
                route,
                statuses: counts.filter(|(_, count)| *count > 0).collect(),
                took: one.took.read(),
            }
        })
        .collect()
    }
}

/// Counts a request under its route. The address itself may hold identifiers of patients, so it
/// is no part of what is counted.
pub(crate) async fn count(State(tally): State<Tally>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let verb = verb_of(request.method());
    let route = path.zip(verb).and_then(|(path, verb)| {
        ROUTES.iter().position(|route| route.path == path.as_str() && route.verb == verb)
    });
    let began = Instant::now();
    let response = next.run(request).await;
    tally.note(route.unwrap_or(ROUTES.len()), response.status().as_u16(), began.elapsed());
    response
}

/// HEAD is answered wherever GET is.
fn verb_of(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET | Method::HEAD => Some(Verb::Get),
        Method::POST => Some(Verb::Post),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_counted_and_rare_ones_by_their_class() {
        let tally = Tally::default();
        let check = |status: u16, expected: &str| {
            tally.note(0, status, Duration::from_millis(1));
            let read = tally.read();
            let counts = &read[0].statuses;
            assert!(counts.iter().any(|(name, _)| name == expected), "{status}: {counts:?}");
        };
        check(200, "200");
        check(418, "4xx");
        check(599, "5xx");
        check(999, "5xx");
        check(0, "1xx");
        let read = tally.read();
        assert_eq!(read[0].took.count(), 5);
        assert_eq!(read.len(), ROUTES.len() + 1);
        assert!(read[1].statuses.is_empty());
    }
}
