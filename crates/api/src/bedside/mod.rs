//! What is given to patients.

pub(crate) mod administrations;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "bedside";
