//! Stock as a double-entry ledger: immutable transfers between accounts.
//!
//! Nothing appears or disappears. A balance is the sum of the transfers; the sum over all
//! accounts of an item is zero.

mod account;
mod transfer;

pub use account::{Account, PocketAddress};
pub use transfer::{Movement, Transfer, TransferState};
