//! What this interface knows of the messages that it took: how to read them again.

use medicines::Request;

use crate::bedside;

/// The message cannot be read. The text names the member and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be read: {0}")]
pub struct Unreadable(pub String);

/// Reads a message that this interface took and the engine parked; `None` where the channel is
/// not one of this interface that parks messages.
pub fn reread(channel: &str, raw: &[u8]) -> Option<Result<Request, Unreadable>> {
    (channel == bedside::CHANNEL)
        .then(|| bedside::administrations::read(raw))
        .map(|read| read.map_err(|problem| Unreadable(problem.detail)))
}
