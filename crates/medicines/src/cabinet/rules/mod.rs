//! What every removal needs, whatever order there is: one rule, one file, one refusal.
//!
//! A cabinet that asks is refused by the first rule that is broken; of one that tells afterwards
//! the same rules say why a case opens. What an order has to say is in `orders/live.rs` and
//! `orders/cover/`.

mod expiry;
mod location;
mod person;
mod quantity;
mod restricted;
mod staleness;
mod witness;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::refusal::Refusal;
use crate::formulary::Item;
use crate::site::{Cabinet, Site};
use crate::state::PatientState;

pub(super) use person::grant;

/// A removal that somebody wants, or that happened.
pub(super) struct Question<'a> {
    pub(super) site: &'a Site,
    pub(super) cabinet: &'a Cabinet,
    pub(super) item: &'a Item,
    pub(super) patient: &'a PatientState,
    /// The staff number of the person at the cabinet.
    pub(super) user: &'a str,
    /// The staff number of a second person.
    pub(super) witness: Option<&'a str>,
    pub(super) units: Decimal,
    /// The last day on which what is taken may be used, where it was scanned.
    pub(super) expiry: Option<Date>,
    /// When it is, or was, taken.
    pub(super) at: Timestamp,
}

type Rule = fn(&Question<'_>) -> Result<(), Refusal>;

/// The rules for somebody who asks, in the order in which the first that is broken is told.
/// Whether a batch was recalled belongs behind the expiry.
const BEFORE: [Rule; 7] = [
    quantity::check,
    person::check,
    person::training,
    witness::check,
    location::check,
    restricted::check,
    expiry::check,
];

/// The rules for what happened: how much it was is told, not asked.
const AFTER: [Rule; 6] = [
    person::check,
    person::training,
    witness::check,
    location::was_there,
    restricted::check,
    expiry::check,
];

pub(super) use staleness::check as fresh;

/// Whether it may be taken, as far as no order is concerned.
pub(super) fn may(question: &Question<'_>) -> Result<(), Refusal> {
    BEFORE.iter().try_for_each(|rule| rule(question))
}

/// Whether what was taken might have been, as far as no order is concerned.
pub(super) fn might(question: &Question<'_>) -> Result<(), Refusal> {
    AFTER.iter().try_for_each(|rule| rule(question))
}
