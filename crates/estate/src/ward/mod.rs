//! A day on the wards, acted out one deed after the other, with irregularities planted in it.
//!
//! The hospital of [`crate::plan`] lives at the pace of a clock, and what it does wrong happens by
//! chance. Here everything is written down first, from a seed: who takes, gives, wastes, counts
//! and fills what and when, and in between what somebody does wrong, each with the cases that it
//! has to end as. Then it is acted out over the same lines, as fast as the node answers: the clock
//! is put forward from deed to deed.

mod drugs;
mod life;
mod plan;
mod planted;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

pub(crate) use life::{Life, link, live};
pub(crate) use plan::Plan;

use crate::book::Given;
use crate::plan::Ask;

/// Something wrong that was done on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// What it was, in words.
    pub name: &'static str,
    /// The cases that it has to end as.
    pub cases: Vec<Wanted>,
}

/// A case that has to be opened: once for each time that it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The kind, as the interface writes it.
    pub kind: &'static str,
    /// The coded reason.
    pub reason: &'static str,
    /// The staff number of the person whose act it is about.
    pub person: Option<String>,
    /// The local code of the item.
    pub item: Option<&'static str>,
    /// The cabinet, `system/station`.
    pub place: Option<String>,
}

/// What came of a day.
#[derive(Debug, Clone, Default)]
pub struct WardDay {
    /// What was done wrong on purpose.
    pub planted: Vec<Planted>,
    /// How many deeds were done.
    pub deeds: usize,
}

/// One thing that is done on a ward.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deed {
    pub(crate) at: Timestamp,
    pub(crate) ward: usize,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Admit(usize),
    Discharge(usize),
    Order(Ask, u32),
    /// Every pocket of the ward's cabinet is filled for the first time.
    LoadAll,
    Take(Take),
    Give(Give),
    Pocket(PocketDeed),
    Send(Sent),
    Recall {
        item: usize,
        batch: &'static str,
        user: String,
    },
    /// The ward is cut off: its cabinet goes on with its list, its bedside keeps what it does.
    CutOff(bool),
}

/// Somebody takes something out of the cabinet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Take {
    pub(crate) patient: usize,
    pub(crate) order: Option<u32>,
    pub(crate) item: usize,
    pub(crate) units: Decimal,
    pub(crate) user: String,
    pub(crate) witness: Option<String>,
    /// Why it is needed without an order, at a cabinet that asks.
    pub(crate) reason: Option<&'static str>,
    pub(crate) manner: Manner,
}

/// How somebody takes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As the cabinet's list, or its question, allows it.
    Regular,
    /// The cabinet is opened by hand, whatever its list says.
    ByHand,
    /// The cabinet asks, and has to be refused.
    Refused,
}

/// Somebody tells that something was given, or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Give {
    pub(crate) patient: usize,
    pub(crate) order: Option<u32>,
    pub(crate) item: usize,
    pub(crate) given: Decimal,
    /// Told by the same scan.
    pub(crate) wasted: Decimal,
    pub(crate) how: Given,
    pub(crate) by: Teller,
    pub(crate) user: String,
    pub(crate) witness: Option<String>,
}

/// How what was given is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Teller {
    /// Through the ePMA.
    Epma,
    /// With scans of wristband and pack.
    Scans,
    /// By hand, at the bedside's own interface.
    ByHand,
}

/// Anything else at a pocket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PocketDeed {
    /// ZPM-1.
    pub(crate) code: char,
    pub(crate) item: usize,
    /// None for all that is there.
    pub(crate) amount: Option<Decimal>,
    /// How much less a count finds.
    pub(crate) missing: Decimal,
    pub(crate) user: String,
    pub(crate) witness: Option<String>,
    pub(crate) patient: Option<usize>,
    pub(crate) order: Option<u32>,
}

/// Stock is sent to the ward's cabinet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) item: usize,
    pub(crate) units: Decimal,
    pub(crate) batch: Option<&'static str>,
    pub(crate) expiry: Option<Date>,
    pub(crate) user: String,
    pub(crate) witness: Option<String>,
}
