//! Cabinets: asking before a removal, and what cabinets tell after the fact.

mod ask;
mod choose;
mod complete;
mod count;
mod dispense;
pub(crate) mod hands;
mod late;
mod null;
mod permit;
mod receive;
pub(crate) mod refusal;
mod remove;
mod restock;
mod returned;
mod rules;
mod transaction;
mod waste;

pub use ask::{Asked, ask};
pub use complete::{Completion, complete};
pub(crate) use late::REMOVAL_FOUND;
pub use permit::{Permit, RemovalPermit};
pub use receive::receive;
pub use refusal::{Choice, Refusal, RefusalCode};
pub use transaction::{Bin, Coded, Staff, Transaction, TransactionCode};
