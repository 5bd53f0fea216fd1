//! What stands behind every inbound transport.

use std::future::Future;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// What its sender is told, without framing and in this order: nothing where it wants to hear
    /// nothing, two answers where it wants to hear that a message is stored and what came of it.
    pub answers: Vec<Vec<u8>>,
    /// Whether it was refused or parked, or any message of it was, if it is a batch.
    pub refused: bool,
}

/// Why a message was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// The node cannot write any more.
    #[error("the node has stopped")]
    Stopped,
    /// A queue that the message may feed was full for too long.
    #[error("a queue is full")]
    NoRoom,
}

impl Unserved {
    /// The code under which people see it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Unserved::Stopped => "node-stopped",
            Unserved::NoRoom => "queue-full",
        }
    }
}

impl From<engine::Stopped> for Unserved {
    fn from(engine::Stopped: engine::Stopped) -> Self {
        Unserved::Stopped
    }
}

/// What answers the messages of a channel, however they come.
pub trait Service: Send + Sync + 'static {
    /// Takes one message in, or a batch of them. On `Err` nothing may be answered: what could not
    /// be kept must not be acknowledged.
    fn message(&self, message: Vec<u8>) -> impl Future<Output = Result<Reply, Unserved>> + Send;

    /// A message was longer than `limit` bytes; only its first bytes were kept.
    fn oversized(
        &self,
        head: Vec<u8>,
        limit: usize,
    ) -> impl Future<Output = Result<Reply, Unserved>> + Send;

    /// The character set in which the message will be read, where that can be told: transports
    /// that name one of their own compare.
    fn charset(&self, message: &[u8]) -> Option<hl7v2::Charset> {
        let _ = message;
        None
    }
}
