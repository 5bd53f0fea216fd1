//! Orders that a pharmacist verifies, asks about, or holds back.

pub(crate) mod queue;
pub(crate) mod word;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "verification";
