//! Segments: the older entries of a journal, compressed and sealed, in files of their own.
//!
//! The writer appends to the main file as ever. When enough has gathered there, the oldest
//! entries are copied into a segment, the segment is checked and sealed, and only then does the
//! writer let them go from the main file, a few with every batch. At every step what is
//! on the disk is whole: an entry is in the main file until the seal of its segment is durable.

pub(crate) mod block;
pub(crate) mod folder;
pub(crate) mod keeping;
pub(crate) mod seal;
pub(crate) mod sealer;
pub(crate) mod store;
