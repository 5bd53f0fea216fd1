//! The bedside: what is scanned and checked before a dose, what was given, and what was not.

mod act;
mod administer;
mod checks;
mod infusion;
mod omit;
pub mod read;
mod scan;

pub use act::act;
pub(crate) use administer::UNEXPLAINED_DOSE;
pub(crate) use administer::administer_in;
pub use administer::{Administration, administer};
pub use scan::{Act, Checked, Finding, MAX_ACTS, MAX_PACKS, Outcome, PackScan, Scan};
