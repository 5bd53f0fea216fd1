//! The formulary: what the site's pockets hold, and the rules that go with each item.
//!
//! It is configuration text, in `[[site.item]]` of `interlock.toml` or `[[item]]` of
//! `formulary/NAME.toml`, and enters the journal with the site. [`flaws`] says what is wrong with
//! it before anybody relies on it.

mod barcode;
mod flaws;
mod item;

pub use barcode::{Known, find};
pub use flaws::{Flaw, flaws};
pub use item::{Alias, Item, Level, Status};
