//! Cabinets: asking before a removal, and what cabinets tell after the fact.

mod ask;
mod complete;
mod count;
mod dispense;
pub(crate) mod hands;
mod late;
mod null;
mod permit;
mod receive;
mod remove;
mod restock;
mod returned;
mod transaction;
mod waste;

pub use ask::{Asked, Refusal, RefusalCode, ask};
pub use complete::{Completion, complete};
pub use permit::{Permit, RemovalPermit};
pub use receive::receive;
pub use transaction::{Bin, Coded, Staff, Transaction, TransactionCode};
