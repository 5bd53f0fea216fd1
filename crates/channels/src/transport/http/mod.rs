//! HL7 over HTTP: a message is the body of a POST, its acknowledgement the body of the answer.
//!
//! HTTP/1.1 only, one request at a time on a connection, as the order of a patient's messages
//! wants it.

mod client;
mod patience;
mod server;
mod status;

use hl7v2::ack::{Ack, parse_ack};
use hl7v2::{CharsetChoice, batch};

pub(crate) use client::{HttpClient, Target};
pub(crate) use server::Door;
pub(super) use server::serve;

/// What a message is called on the way (the names in use; none is registered).
const MEDIA_TYPES: [&str; 3] =
    ["application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7"];

/// The most bytes of a head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most header lines.
const MAX_HEADERS: usize = 64;

/// The messages in a body: those of a batch, or the one that it is. None where it holds none.
fn messages(body: &[u8]) -> Vec<Vec<u8>> {
    match batch::split(body) {
        Ok(batch) => {
            let parts = batch.parts.into_iter();
            parts.flat_map(|part| part.messages).map(<[u8]>::to_vec).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// The acknowledgement that a message is.
fn ack_of(message: &[u8]) -> Option<Ack> {
    let (message, _) = hl7v2::parse_as(message, CharsetChoice::default()).ok()?;
    parse_ack(&message).ok()
}
