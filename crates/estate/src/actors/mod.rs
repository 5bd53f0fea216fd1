//! Those who act: one actor, one file.

pub(crate) mod asking;
pub(crate) mod attempts;
pub(crate) mod bedside;
pub(crate) mod cabinet;
pub(crate) mod director;
pub(crate) mod epma;
pub(crate) mod pas;
pub(crate) mod profile;
pub(crate) mod staff;
pub(crate) mod station;
