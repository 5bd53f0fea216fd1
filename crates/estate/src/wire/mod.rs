//! Bytes on the lines: HL7 text, MLLP frames, the two ends of a link, and HTTP.
//!
//! The estate reads and writes HL7 with code of its own, so that it cannot share a mistake with
//! the node that it tries out.

pub(crate) mod http;
pub(crate) mod listener;
pub(crate) mod malformed;
pub(crate) mod mllp;
pub(crate) mod outbox;
pub(crate) mod sender;
pub(crate) mod text;
