//! Searching.

/// The most candidates.
pub const MAX_CANDIDATES: usize = 20_000;
/// A page.
#[derive(Debug)]
pub struct Page;
