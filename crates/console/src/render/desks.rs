//! The pages of pharmacists and of those who answer for stock.

use askama::Template;

use super::tags;
use crate::view::{
    BatchView, Change, DiscrepancyView, LooksAsked, LooksView, OrderView, QueueView, RecallsView,
    RegisterView, RegistersView, Shell, SpanView, Standing,
};

/// The orders that wait for a pharmacist.
#[derive(Template)]
#[template(path = "verification.html")]
pub(crate) struct QueuePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) queue: &'a QueueView,
    /// What was done just before.
    pub(crate) done: Option<&'static str>,
}

/// One order beside its earlier version.
#[derive(Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) order: &'a OrderView,
    /// The ward whose queue it was opened from.
    pub(crate) ward: &'a str,
    /// Somebody was quicker: what is shown now is not what was looked at.
    pub(crate) conflict: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    /// What was entered.
    pub(crate) text: &'a str,
}

/// The recalls in force.
#[derive(Template)]
#[template(path = "recalls.html")]
pub(crate) struct RecallsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) recalls: &'a RecallsView,
    pub(crate) item: &'a str,
    pub(crate) batch: &'a str,
    pub(crate) error: Option<&'a str>,
}

/// A batch: where it is and who had it.
#[derive(Template)]
#[template(path = "recall.html")]
pub(crate) struct RecallPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) batch: &'a BatchView,
    pub(crate) done: Option<&'static str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) reason: &'a str,
}

/// The critical override.
#[derive(Template)]
#[template(path = "critical.html")]
pub(crate) struct CriticalPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) spans: &'a [SpanView],
    pub(crate) error: Option<&'a str>,
    pub(crate) reason: &'a str,
}

/// The registers of controlled drugs, and what does not add up.
#[derive(Template)]
#[template(path = "registers.html")]
pub(crate) struct RegistersPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) registers: &'a RegistersView,
}

/// One page of a register.
#[derive(Template)]
#[template(path = "register.html")]
pub(crate) struct RegisterPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) register: &'a RegisterView,
}

/// Who looked at a patient's record.
#[derive(Template)]
#[template(path = "looks.html")]
pub(crate) struct LooksPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) asked: &'a LooksAsked,
    /// None before anything was asked for.
    pub(crate) found: Option<&'a LooksView>,
    /// The address of the next page.
    pub(crate) next: Option<String>,
    pub(crate) can_read_messages: bool,
    /// The address of the messages about the patient.
    pub(crate) messages: String,
    pub(crate) error: Option<&'a str>,
}

/// A discrepancy and its steps.
#[derive(Template)]
#[template(path = "discrepancy.html")]
pub(crate) struct DiscrepancyPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) discrepancy: &'a DiscrepancyView,
    /// How it was found just now, in words.
    pub(crate) found: Option<&'static str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) text: &'a str,
}
