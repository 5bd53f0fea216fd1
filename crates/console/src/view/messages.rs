//! What the message pages show, as values.

use jiff::Timestamp;

/// A piece of a segment: what divides, or what is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartView {
    pub(crate) text: String,
    pub(crate) divides: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentView {
    pub(crate) parts: Vec<PartView>,
    /// Whether it is longer than what is shown.
    pub(crate) cut: bool,
}

/// A message's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BytesView {
    pub(crate) length: u64,
    pub(crate) segments: Vec<SegmentView>,
    /// How many segments are not shown.
    pub(crate) more: usize,
}

/// The whole life of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LifeView {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) hash: String,
    pub(crate) channel: String,
    pub(crate) by: String,
    pub(crate) message_type: String,
    pub(crate) control_id: String,
    /// The entry whose message this one is, acted on again.
    pub(crate) again: Option<u64>,
    pub(crate) bytes: BytesView,
    /// The bytes as text with a line for each segment, to be mended.
    pub(crate) text: String,
    pub(crate) answer: String,
    pub(crate) why: Option<String>,
    pub(crate) facts: Vec<String>,
    /// The message that this one acknowledges.
    pub(crate) answers: Option<SentView>,
    pub(crate) sent: Vec<SentView>,
    pub(crate) sent_more: usize,
    pub(crate) cases: Vec<CaseView>,
    pub(crate) replays: Vec<AgainView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentView {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) changed_at: Timestamp,
    pub(crate) attempts: u64,
    pub(crate) detail: Option<String>,
    pub(crate) bytes: BytesView,
    pub(crate) not_written: Option<String>,
    pub(crate) outcomes: Vec<AgainView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgainView {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) outcome: String,
    pub(crate) mended: bool,
    pub(crate) bytes: BytesView,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseView {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) text: String,
    pub(crate) opened: Timestamp,
    pub(crate) entry: u64,
    /// How and by whom it was settled; none while it is open.
    pub(crate) closed: Option<String>,
    pub(crate) can_be_replayed: bool,
}

/// What was asked for, as it stands in the form again.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) words: String,
    pub(crate) patient: String,
    pub(crate) placer: String,
    pub(crate) filler: String,
    pub(crate) control: String,
    #[serde(rename = "type")]
    pub(crate) message_type: String,
    pub(crate) channel: String,
    pub(crate) outcome: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The number before which a page begins.
    pub(crate) page: String,
}

/// A message in the list. No name or number of a patient is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundRow {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) channel: String,
    pub(crate) message_type: String,
    pub(crate) control_id: String,
    pub(crate) outcome: String,
}
