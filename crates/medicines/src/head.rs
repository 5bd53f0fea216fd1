//! The head of a journal entry: the command, what was decided, and the answer.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::command::Answer;
use crate::fact::Fact;

/// The version of the head's form that this program writes.
pub const HEAD_VERSION: u8 = 2;

/// The head of a journal entry, as JSON. The raw bytes of the message stand beside it, and their
/// SHA-256 follows from them (`journal::Entry::digest`), so that it is not written here: it would
/// be the one part of a head that does not compress.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head<'a> {
    /// The version of this form.
    pub v: u8,
    /// The channel or client from which the command came.
    pub channel: Cow<'a, str>,
    /// The key that makes the command idempotent within its channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// The message type, for instance `RDE^O11`, or the kind of request.
    #[serde(rename = "type")]
    pub message_type: Cow<'a, str>,
    /// The message's control id (MSH-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_id: Option<Cow<'a, str>>,
    /// The number of the entry whose message this one is, acted on again: the same bytes, or
    /// mended ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u64>,
    /// Who asked: the peer, the client, or a staff number.
    pub by: Cow<'a, str>,
    /// When it was received; the entry's own time is the recording time.
    pub received: Timestamp,
    /// The answer that was given, and that a repeat is given again.
    pub answer: Cow<'a, Answer>,
    /// What became true.
    pub facts: Cow<'a, [Fact]>,
}

impl Head<'_> {
    /// The head as bytes of JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("the head's types are always JSON")
    }

    /// Reads a head. Fails where the form is of another version or was not written by `engine`.
    pub fn from_json(json: &[u8]) -> Result<Head<'static>, serde_json::Error> {
        serde_json::from_slice(json)
    }
}
