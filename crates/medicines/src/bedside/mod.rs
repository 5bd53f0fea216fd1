//! The bedside: what was given, and what was not.

mod administer;

pub(crate) use administer::UNEXPLAINED_DOSE;
pub use administer::{Administration, administer};
