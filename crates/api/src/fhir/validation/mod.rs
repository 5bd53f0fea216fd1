//! Validation of what clients write and of what they ask about.
//!
//! It is done here at the edge and never where commands are decided: on a few threads of its own,
//! within a time.

mod admit;
mod judge;

pub(crate) use admit::{admit, admit_step};
pub use judge::{Definitions, Judge};
