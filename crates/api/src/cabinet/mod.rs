//! Cabinets that ask before they open.

pub(crate) mod completion;
pub(crate) mod critical;
pub(crate) mod removals;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "cabinet";
