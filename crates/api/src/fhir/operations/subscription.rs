//! `$status` and `$events` of a Subscription (Subscriptions R5 Backport 1.1.0).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use fhir::resources::IssueType;
use fhir::{Id, Instant, ResourceType};
use medicines::subscriptions::{MAX_TOLD, Subscription};
use serde_json::json;

use crate::door::Caller;
use crate::fhir::interactions::search::query;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::pump::journal;
use crate::fhir::subscriptions::{Again, Asked, Content, Notice, Type, Unread, barred};
use crate::fhir::{Failure, acceptable, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// `GET /fhir/Subscription/{id}/$status`: how it stands, for whoever may read resources. It tells
/// nothing of what happened.
pub(crate) async fn status(
    State(api): State<ApiState>,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    acceptable(&headers, shape.format.as_deref())?;
    let (one, asked) = find(&api, &kind, &name).await?;
    let now = api.engine.clock().now();
    let notice = Notice {
        base: &api.fhir_base,
        subscription: &one,
        asked: &asked,
        kind: Type::QueryStatus,
        content: Content::Empty,
        now,
        total: one.events,
        first: 1,
        events: &[],
    };
    let status = notice.status();
    let uuid = status["id"].as_str().unwrap_or_default();
    let entry = json!({
        "fullUrl": format!("urn:uuid:{uuid}"),
        "resource": status,
        "search": {"mode": "match"},
    });
    let bundle = json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": Instant::at(now),
        "total": 1,
        "entry": [entry],
    });
    Ok(Reply::body(shape.bundle(bundle.to_string())).respond(&shape))
}

/// What is asked for again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Range {
    since: Option<u64>,
    until: Option<u64>,
    content: Option<Content>,
}

/// `GET /fhir/Subscription/{id}/$events`: events that its subscriber took before, for its client.
pub(crate) async fn events(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let pairs = query(&uri)?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    let range = range(&pairs)?;
    let (one, asked) = find(&api, &kind, &name).await?;
    own(&api, &caller, &one, &asked)?;
    let (first, count) = numbers(&one, &range)?;
    let mut again = Again::new(&api.subscriptions, &one, &asked, first);
    let events = again.events(count).await.map_err(unread)?;
    if events.is_empty() && count > 0 {
        return Err(far(first));
    }
    let content = range.content.unwrap_or(asked.content);
    journal(&api, &one, content, &events).await?;
    let notice = Notice {
        base: &api.fhir_base,
        subscription: &one,
        asked: &asked,
        kind: Type::QueryEvent,
        content,
        now: api.engine.clock().now(),
        total: one.events,
        first,
        events: &events,
    };
    Ok(Reply::body(shape.bundle(notice.bundle())).respond(&shape))
}

/// The subscription of an address.
pub(crate) async fn find(
    api: &ApiState,
    kind: &str,
    name: &str,
) -> Result<(Subscription, Asked), Failure> {
    if served(kind)? != ResourceType::Subscription {
        return Err(Problem::not_found("This is an operation of Subscription.").into());
    }
    let id: Id = id(name)?;
    let found = api
        .ask(move |record| {
            let one = record.subscription(&id)?;
            let stored = record.read(ResourceType::Subscription, &id)?;
            Ok(one.zip(stored))
        })
        .await?;
    let (one, stored) = found.ok_or_else(no_such_resource)?;
    let asked = Asked::read(stored.json())?;
    Ok((one, asked))
}

/// Refuses where the subscription is another's, or its client may not be told of its topic.
pub(crate) fn own(
    api: &ApiState,
    caller: &Caller,
    one: &Subscription,
    asked: &Asked,
) -> Result<(), Failure> {
    let forbidden = |detail: &str| {
        Failure::from(Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail))
    };
    if one.owner != caller.name() {
        return Err(forbidden("This subscription is another client's."));
    }
    match barred(api, caller.name(), asked.topic) {
        Some(why) => Err(forbidden(why)),
        None => Ok(()),
    }
}

fn range(pairs: &[(String, String)]) -> Result<Range, Failure> {
    let mut range = Range::default();
    let wrong = |detail: &str| Failure::from(Problem::bad(code::BAD_QUERY, detail));
    for (name, value) in pairs {
        let number = || {
            let number = value.parse().ok().filter(|number| *number > 0);
            number.ok_or_else(|| wrong("An event's number is a whole number from 1 on."))
        };
        match name.as_str() {
            "eventsSinceNumber" => range.since = Some(number()?),
            "eventsUntilNumber" => range.until = Some(number()?),
            "content" => {
                let read = Content::read(value);
                let words = "content is empty, id-only or full-resource.";
                range.content = Some(read.ok_or_else(|| wrong(words))?);
            }
            _ => {}
        }
    }
    Ok(range)
}

/// The number of the first event that is asked for, and how many.
fn numbers(one: &Subscription, range: &Range) -> Result<(u64, usize), Failure> {
    let oldest = one.reaches();
    let first = range.since.unwrap_or_else(|| one.oldest());
    let last = range.until.unwrap_or(one.events).min(one.events);
    if first < oldest {
        let detail = format!("Events before number {oldest} cannot be asked for any more.");
        return Err(Problem::new(StatusCode::GONE, code::GONE, detail).into());
    }
    let count = (last + 1).saturating_sub(first);
    Ok((first, usize::try_from(count).unwrap_or(MAX_TOLD).min(MAX_TOLD)))
}

/// Refuses where as much was looked through as one answer may cost, and the event was not there.
fn far(first: u64) -> Failure {
    let detail = format!(
        "Too much of the journal would have to be looked through to find event {first} again: ask \
         for a later one, or read the resources anew."
    );
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::TOO_COSTLY, detail);
    Failure::new(problem, IssueType::TooCostly)
}

/// Why events cannot be told again.
pub(crate) fn unread(error: Unread) -> Failure {
    match error {
        Unread::Moved => {
            let detail = "The events have left this node with a part of its journal.";
            Problem::new(StatusCode::GONE, code::GONE, detail).into()
        }
        Unread::Failed(error) => {
            tracing::error!(error, "events cannot be read");
            Problem::internal().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use medicines::subscriptions::{Mark, Place};

    use super::*;
    use crate::fhir::subscriptions::sample;

    #[test]
    fn a_range_is_of_what_can_be_asked_for() {
        let place = |seq| Place { seq, ordinal: 0 };
        let marks = VecDeque::from([Mark { events: 3, looked: place(35) }]);
        let one = Subscription { marks, ..sample(253, (54..=253).map(|number| number * 10)) };
        let check = |since, until, expected: Option<(u64, usize)>| {
            let found = numbers(&one, &Range { since, until, content: None }).ok();
            assert_eq!(found, expected, "{since:?} {until:?}");
        };
        check(None, None, Some((54, 100)));
        check(Some(200), None, Some((200, 54)));
        check(Some(253), Some(900), Some((253, 1)));
        check(Some(60), Some(62), Some((60, 3)));
        check(Some(62), Some(60), Some((62, 0)));
        check(Some(254), None, Some((254, 0)));
        check(Some(u64::MAX), None, Some((u64::MAX, 0)));
        // Older ones are found from a mark.
        check(Some(4), None, Some((4, 100)));
        check(Some(3), None, None);
    }
}
