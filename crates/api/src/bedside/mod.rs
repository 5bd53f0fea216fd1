//! What is scanned at the bedside and given to patients.

pub(crate) mod administrations;
pub(crate) mod scans;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "bedside";

/// The same for what is scanned: a device's keys are not those of whoever tells of doses.
pub(crate) const SCANS: &str = "bedside-scans";
