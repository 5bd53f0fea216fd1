//! What edges submit, and what they get back.

use std::sync::Arc;

use jiff::Timestamp;
use medicines::{Answer, Problem, ProblemCode, Request};

/// What an outside system or a person asks.
#[derive(Debug)]
pub struct Command {
    /// The channel or client from which it came.
    pub channel: Arc<str>,
    /// The key that makes it idempotent within its channel; HL7: `MSH-3|MSH-4|MSH-10`.
    pub key: Option<String>,
    /// Who asked: the peer, the client, or a staff number.
    pub by: String,
    /// The message type, for instance `RDE^O11`; none for what comes as no message.
    pub message_type: Option<String>,
    /// The message's control id.
    pub control_id: Option<String>,
    /// When it was received.
    pub received: Timestamp,
    /// What it asks.
    pub request: Request,
    /// The bytes as they came.
    pub raw: Vec<u8>,
}

impl Command {
    /// A command of Interlock's own, which came as no message.
    pub fn internal(by: &str, received: Timestamp, request: Request) -> Self {
        Command {
            channel: Arc::from("interlock"),
            key: None,
            by: by.to_owned(),
            message_type: None,
            control_id: None,
            received,
            request,
            raw: Vec::new(),
        }
    }
}

impl Command {
    /// Turns a command whose key was used before for other bytes into one that is kept and not
    /// acted on. Its new key names both, so that its own repeats are known again.
    pub(crate) fn quarantine(&mut self, digest: &[u8; 32]) {
        let text = "This control id was used before for another message: find out which of the \
                    two is meant, and send it again with a control id of its own.";
        self.request = Request::Park(Problem::new(ProblemCode::ControlIdReused, text));
        self.key = self.key.take().map(|key| format!("{key}#{}", journal::Hash(*digest)));
    }
}

/// What became of a command. It is durable, and the record shows it.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The number of its journal entry; of the first one, for a repeat.
    pub seq: u64,
    /// The recording time of that entry.
    pub at: Timestamp,
    /// The answer.
    pub answer: Answer,
    /// Whether the same command had come before.
    pub duplicate: bool,
}
