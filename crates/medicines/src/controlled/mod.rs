//! Controlled drugs: which they are, their registers, and what the law and good practice ask for.
//!
//! A register is a reading of the ledger: [`lines`] says what each posted transfer enters on which
//! page, so that a page's balance is the balance of its place. What the law wants to know beside
//! that (who stood by, on whose authority, why) are facts of their own.

mod act;
mod correct;
mod count;
mod csv;
mod day;
mod destroy;
mod discrepancy;
mod enter;
mod entry;
mod fact;
mod lines;
mod own;
mod place;
mod policy;
mod requisition;
mod schedule;
mod supply;
mod waste;
mod watch;
mod witness;

pub use act::{
    Act, ControlledAct, CorrectDeed, CountDeed, Deed, DestroyDeed, Entering, ReceiveDeed,
    RequisitionDeed, Second, Signing, SupplyDeed, TakeInDeed, WasteDeed,
};
pub(crate) use count::enter as counted;
pub use csv::{COLUMNS, Csv};
pub use day::{day_after, day_begins, quarter_of};
pub use discrepancy::{Discrepancy, DiscrepancyStatus, Step, StepTaken};
pub(crate) use discrepancy::{settle, take};
pub(crate) use enter::act;
pub use entry::{Authority, EntryKind, Lateness, RegisterEntry, lateness};
pub use fact::{ControlledFact, Correction, Count, Note, Seen};
pub use lines::{Line, lines};
pub use place::{Place, Section, UnknownPlace};
pub use policy::{COUNT_EVERY_MAX_H, ControlledPolicy, CountEvery, PolicyFlaw, policy_flaws};
pub use requisition::Requisition;
pub(crate) use schedule::classify;
pub use schedule::{Classes, Schedule};
pub(crate) use watch::{before, watch};
pub use witness::Signature;
