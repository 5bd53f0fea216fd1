//! The bedside: what was given, and what was not.

mod administer;

pub(crate) use administer::UNEXPLAINED_DOSE;
pub(crate) use administer::administer_in;
pub use administer::{Administration, administer};
