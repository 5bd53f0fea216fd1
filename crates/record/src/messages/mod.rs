//! The message index: which messages have a number, a type, a word.
//!
//! It is a fold of the journal in a file of its own, which can be thrown away. A segment is 16,384
//! entries, by their numbers alone; it is written once, sorted, when its last entry has come, and
//! never changed, so that two indexes of one journal hold the same bytes and nothing is ever
//! merged or pruned. The entries after the last whole segment are held in memory and read again
//! from the journal after a start.
//!
//! A search looks at the segments from the newest on: in each it finds one block for each term.
//! That a term is rare costs nothing, that all are common costs a bitmap each.

mod block;
mod entry;
mod file;
mod find;
mod index;
mod life;
mod newest;
mod terms;

pub use find::{MAX_FOUND, MessageSearch, Messages};
pub use index::{MessageIndex, MessageIndexer};
/// The text of a message's bytes, whatever their character set: what is no UTF-8 is read as
/// Windows-1252, as far as letters go.
pub fn message_text(raw: &[u8]) -> String {
    terms::text(raw)
}

pub use life::{Again, Life, Rewrite, Sent, fact_text};
