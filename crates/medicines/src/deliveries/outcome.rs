//! What became of a message that was sent.

use std::sync::Arc;

use super::{Delivery, DeliveryState};

/// A channel tells what became of a delivery.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The outbound channel.
    pub channel: Arc<str>,
    /// The delivery as it was queued.
    pub delivery: Delivery,
    /// Where it stands now: delivered, refused or unknown.
    pub state: DeliveryState,
    /// The peer's acknowledgement code and error codes, without free text.
    pub detail: Option<String>,
}
