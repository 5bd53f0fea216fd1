//! The bedside: what was given, and what was not.

mod administer;

pub use administer::{Administration, administer};
