//! Acknowledgements that come as messages of their own: the application of a peer answers what one
//! of our outbound channels told it.

use std::sync::Arc;

use engine::Engine;
use fhir::Id;
use medicines::Request;
use medicines::deliveries::{DeliveryState, Outcome, Stray};

use crate::lines::Lines;
use crate::sender::{Heard, codes};

/// What an acknowledgement on the inbound channel `inbound` says. It is taken for a delivery only
/// where MSA-2 names it, its channel has its application acknowledgements come here, and it waits
/// for one; everything else is a stray acknowledgement. It came as a message, so it is kept like
/// any other.
pub(crate) async fn acknowledged(
    heard: &Heard,
    inbound: &str,
    lines: &Lines,
    engine: &Engine,
) -> Request {
    let stray = |reason, delivery| Request::Stray(Stray { reason, delivery, unkept: 0 });
    let Some(ack) = &heard.ack else {
        return stray("not-an-ack", None);
    };
    let Ok(id) = Id::new(&ack.control_id) else {
        return stray("unknown-message", None);
    };
    let (readers, named) = (engine.readers(), id.clone());
    let reading = tokio::task::spawn_blocking(move || readers.get()?.delivery(&named));
    let Ok(Ok(Some(view))) = reading.await else {
        return stray("unknown-message", None);
    };
    let policy = lines.answered_on(inbound, &view.delivery.channel);
    // The application may answer before the interface has said that it has the message, so what
    // the record shows as waiting or in flight may be answered too. What was given up is late.
    let waits = matches!(
        view.state,
        DeliveryState::Accepted
            | DeliveryState::Waiting
            | DeliveryState::InFlight
            | DeliveryState::Deferred
    );
    let Some(policy) = policy.filter(|_| waits && !ack.code.is_commit()) else {
        return stray("late", Some(id));
    };
    let state = if ack.code.is_positive() {
        DeliveryState::Delivered
    } else {
        policy.refused(view.attempts)
    };
    Request::Delivered(Outcome {
        channel: Arc::clone(&view.delivery.channel),
        delivery: view.delivery,
        state,
        ahead: false,
        held: false,
        detail: Some(codes(ack)),
    })
}
