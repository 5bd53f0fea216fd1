//! Cabinets: asking before a removal, and what cabinets tell after the fact.

mod adjust;
mod ask;
mod begin;
mod choose;
mod complete;
mod count;
mod critical;
mod dispense;
mod empty_bin;
mod expired;
mod fill;
pub(crate) mod hands;
mod late;
mod load;
mod null;
mod outdated;
mod permit;
mod receive;
pub(crate) mod refusal;
mod remove;
mod returned;
mod rules;
mod total;
mod transaction;
mod unload;
mod waste;

pub use ask::{Asked, ask};
pub use complete::{Completion, complete};
pub use critical::{CriticalSpan, CriticalSwitch};
pub(crate) use critical::{MAX_SPANS, switch};
pub(crate) use late::{REMOVAL_FOUND, REMOVAL_FOUND_ELSEWHERE};
pub use permit::{Permit, RemovalPermit};
pub use receive::receive;
pub use refusal::{Choice, Refusal, RefusalCode};
pub use transaction::{Bin, Coded, Staff, Transaction, TransactionCode};
