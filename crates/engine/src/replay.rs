//! What the engine cannot do alone with messages: reading and writing them needs the channels.

use std::future::Future;
use std::pin::Pin;

use fhir::Id;
use medicines::deliveries::Delivery;
use record::Reader;

use crate::command::Receipt;

/// Acts on parked messages again, and writes sent ones anew. The channels know how, so the node
/// brings it to the edges.
pub trait Replayer: Send + Sync {
    /// Reads the message of the case anew and has it decided; `by` is who asked. Where `mended`
    /// is given, it is read instead of the bytes that came: both are kept, and the new entry says
    /// which one it mends.
    fn replay<'a>(&'a self, case: &'a Id, mended: Option<Vec<u8>>, by: &'a str) -> Replaying<'a>;

    /// Writes the message of a delivery from the versions that it names, as its channel writes it
    /// now; says why where that cannot be, without patient data.
    fn rewrite(&self, reader: &Reader, delivery: &Delivery) -> Result<Vec<u8>, String> {
        let _ = reader;
        Err(format!("channel `{}` is not configured any more", delivery.channel))
    }
}

/// A replay under way.
pub type Replaying<'a> = Pin<Box<dyn Future<Output = Result<Receipt, ReplayError>> + Send + 'a>>;

/// Why a message cannot be acted on again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// No open case has the id.
    #[error("no open case has this id")]
    UnknownCase,
    /// The case keeps no message, or no channel can read it. The text holds no patient data.
    #[error("the message cannot be replayed: {0}")]
    NotReplayable(String),
    /// The mended message is none. The text holds no patient data.
    #[error("the mended message cannot be used: {0}")]
    NotMended(String),
    /// The node cannot write.
    #[error("the node has stopped writing")]
    Stopped,
    /// The record or the journal cannot be read. The text goes to the log alone.
    #[error("the message could not be read: {0}")]
    Unreadable(String),
}
