//! The pages of pharmacists and of those who answer for stock.

use askama::Template;

use super::tags;
use crate::view::{
    BatchView, Change, OrderView, QueueView, RecallsView, Shell, SpanView, Standing,
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
