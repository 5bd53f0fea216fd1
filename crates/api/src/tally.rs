//! How many requests came on which route, how they were answered, and how long that took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use engine::{Buckets, Histogram};

use crate::routes::{ROUTES, Route, Verb};

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
    /// The method, as `GET`; empty for what is no route of the interface.
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
    let route = path.and_then(|path| {
        let is = |route: &Route| route.path == path.as_str() && route.verb.as_str() == verb;
        ROUTES.iter().position(is)
    });
    let began = Instant::now();
    let response = next.run(request).await;
    tally.note(route.unwrap_or(ROUTES.len()), response.status().as_u16(), began.elapsed());
    response
}

/// HEAD is answered wherever GET is.
fn verb_of(method: &Method) -> &str {
    if *method == Method::HEAD { Verb::Get.as_str() } else { method.as_str() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::any;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn every_route_is_counted_under_its_own_name() {
        let tally = Tally::default();
        let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
        let router = paths
            .iter()
            .fold(Router::new(), |router, path| router.route(path, any(async || "well")));
        let router = router.layer(from_fn_with_state(tally.clone(), count));
        let service = TowerToHyperService::new(router);
        let ask = async |method: &str, path: &str| {
            let address = path.replace(['{', '}'], "");
            let request = Request::builder().method(method).uri(address);
            service.call(request.body(Body::empty()).unwrap()).await.unwrap();
        };
        for route in ROUTES {
            ask(route.verb.as_str(), route.path).await;
        }
        ask("HEAD", "/health").await;
        ask("PUT", "/health").await;
        ask("GET", "/nowhere/at/all").await;
        for one in tally.read() {
            let expected = match (one.method, one.route) {
                ("GET", "/health") | (_, OTHER) => 2,
                _ => 1,
            };
            assert_eq!(one.took.count(), expected, "{} {}", one.method, one.route);
        }
    }

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
