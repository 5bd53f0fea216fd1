//! Messages: finding them, the life of one, and sending a selection again.

pub(crate) mod life;
pub(crate) mod replay;
pub(crate) mod search;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "messages";
