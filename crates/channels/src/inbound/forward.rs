//! Messages that go on to other systems as they came.

use medicines::Request;
use medicines::deliveries::Forward;

use super::map::identifier;
use super::source::Source;

/// The request, with its message to be forwarded where the channel says so. What is parked or let
/// drop does not go on.
pub(super) fn onward(source: &Source<'_, '_>, request: Request) -> Request {
    let to = source.channel.forwards_to(matches!(request, Request::Keep(_)));
    if to.is_empty() || matches!(request, Request::Park(_) | Request::Dropped) {
        return request;
    }
    let pid = source.message.segment("PID");
    let patient = pid.and_then(|pid| identifier::of_patient(source, &pid).ok());
    let patient = patient.unwrap_or_default();
    Request::Forward(Box::new(Forward { to: to.to_vec(), patient, request: Box::new(request) }))
}
