//! Stock as a double-entry ledger: immutable transfers between accounts.
//!
//! Nothing appears or disappears. An account is a place, an item and a batch; a balance is the sum
//! of the transfers; the sum over all places is zero for each batch of each item.

mod account;
mod act;
mod allocate;
mod batch;
mod consignment;
mod count;
mod decide;
mod lines;
mod moves;
mod post;
mod recall;
mod receive;
mod trace;
mod transfer;

pub use account::{Account, PocketAddress, UnknownAccount};
pub use act::{Destination, Move, RecallNotice, Receipt, StockAct, StockCount};
pub use batch::{BatchState, RecallInForce};
pub(crate) use consignment::{arrivals, to_cabinet};
pub(crate) use decide::act;
pub use lines::Lines;
pub(crate) use moves::{amount, item, person, plain};
pub(crate) use post::{about, post};
pub use recall::Recall;
pub(crate) use recall::{Unusable, usable};
pub(crate) use receive::received_in;
pub use trace::{Exposure, Trace};
pub use transfer::{Basis, Lot, Movement, Transfer, TransferState};
