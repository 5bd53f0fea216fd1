//! The pages on which two people act on controlled drugs.

use askama::Template;

use super::tags;
use crate::view::{
    CountView, CountsView, Entered, HandOver, HandsView, RequisitionsView, SecondView, Shell,
    WasteView, Wrong,
};

/// What has to be counted.
#[derive(Template)]
#[template(path = "counts.html")]
pub(crate) struct CountsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) counts: &'a CountsView,
    /// What was done just before.
    pub(crate) done: Option<&'static str>,
}

/// One thing that is counted.
#[derive(Template)]
#[template(path = "count.html")]
pub(crate) struct CountPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) count: &'a CountView,
    /// Something was entered meanwhile: what was counted is not what is there.
    pub(crate) conflict: Option<&'a str>,
    pub(crate) wrong: &'a Wrong,
    /// What was entered.
    pub(crate) found: &'a str,
    pub(crate) second: &'a SecondView,
}

/// What somebody has in hands.
#[derive(Template)]
#[template(path = "hands.html")]
pub(crate) struct HandsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) hands: &'a HandsView,
    /// What was done just before.
    pub(crate) done: Option<&'static str>,
}

/// A removal of which something is wasted.
#[derive(Template)]
#[template(path = "waste.html")]
pub(crate) struct WastePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) waste: &'a WasteView,
    pub(crate) wrong: &'a Wrong,
    /// What was entered.
    pub(crate) quantity: &'a str,
    pub(crate) given: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) denatured: &'a str,
    pub(crate) second: &'a SecondView,
}

/// What wards ask for, and what is on its way.
#[derive(Template)]
#[template(path = "requisitions.html")]
pub(crate) struct RequisitionsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) list: &'a RequisitionsView,
    /// What was entered into the form for a new one.
    pub(crate) entered: &'a Entered,
    /// What was done just before.
    pub(crate) done: Option<&'static str>,
}

/// A requisition that is sent, or a consignment that is received.
#[derive(Template)]
#[template(path = "hand_over.html")]
pub(crate) struct HandOverPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) over: &'a HandOver,
    /// Whether it is sent.
    pub(crate) supply: bool,
    /// Whether somebody was quicker.
    pub(crate) conflict: bool,
    pub(crate) entered: &'a Entered,
    pub(crate) wrong: &'a Wrong,
    pub(crate) second: &'a SecondView,
}
