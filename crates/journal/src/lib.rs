//! The durable, hash-chained, append-only log: the only truth of the product and its audit trail.
//!
//! One [`Journal`] writes; any number of [`Reader`]s read, from any thread or process, also while
//! the writer runs or after it was killed. Every entry holds the SHA-256 of the entry before it,
//! so that a flipped bit, a missing entry or a changed order is found by anybody who recomputes
//! the chain: [`Reader::verify`] here, `tools/verify_journal.py` for a stranger. The file, its
//! tables and the byte layout are written down in `docs/journal-format.md`.
//!
//! What [`Journal::append`] answers with `Ok` is on the disk: it survives a killed process and a
//! power cut. After any error the journal refuses further appends, because a failed write or
//! sync leaves unknown what the disk holds; the process must stop, and opening the file again
//! shows what is there.

mod chain;
mod checkpoint;
mod entry;
mod error;
mod file;
mod hash;
mod reader;
mod segment;
mod verify;
mod writer;

pub use checkpoint::{Checkpointer, Turn};
pub use entry::{Draft, Entry, MAX_BATCH_ENTRIES, MAX_HEAD_BYTES, MAX_RAW_BYTES, Removed};
pub use error::Error;
pub use file::{APPLICATION_ID, Durability, FORMAT_VERSION, MAX_SITE_BYTES, Options};
pub use hash::{Hash, ParseError, Position, entry_hash, genesis};
pub use reader::{MAX_READ_BYTES, Reader};
pub use segment::folder::{Segment, folder_of, segments};
pub use segment::keeping::{Keep, Tidied};
pub use segment::seal::{PublicKey, Seal, Signature, SigningKey};
pub use segment::sealer::Sealing;
pub use segment::store::{SEGMENT_APPLICATION_ID, publish};
pub use verify::{Broken, Verified, Why};
pub use writer::Journal;
