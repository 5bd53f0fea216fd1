//! The registers of controlled drugs, and their discrepancies.

use jiff::Timestamp;
use sheets::Sheet;

use crate::words::Words;

/// A page in the list of registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisterRow {
    pub(crate) href: String,
    pub(crate) place: String,
    pub(crate) item: String,
    pub(crate) schedule: String,
    pub(crate) balance: String,
    pub(crate) counted: Option<Timestamp>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) overdue: bool,
}

/// A discrepancy that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiscrepancyRow {
    pub(crate) href: String,
    pub(crate) item: String,
    pub(crate) place: String,
    pub(crate) quantity: String,
    pub(crate) reason: String,
    pub(crate) status: String,
    pub(crate) opened: Timestamp,
    pub(crate) due: Timestamp,
    pub(crate) late: bool,
}

impl DiscrepancyRow {
    /// Whether the accountable officer has it.
    pub(crate) fn escalated(&self) -> bool {
        self.status == "escalated"
    }
}

/// The registers, a part of them at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistersView {
    pub(crate) now: Timestamp,
    /// The place that is shown, as addresses write it; empty for all.
    pub(crate) place: String,
    /// The places to choose from: the code and the words.
    pub(crate) places: Vec<(String, String)>,
    pub(crate) rows: Vec<RegisterRow>,
    /// Whether other pages come before these.
    pub(crate) later: bool,
    /// The address of those that come next.
    pub(crate) next: Option<String>,
    /// How many counts are overdue, on whatever page.
    pub(crate) overdue: usize,
    pub(crate) discrepancies: Vec<DiscrepancyRow>,
    /// How many more there are.
    pub(crate) more_discrepancies: usize,
}

impl RegistersView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }
}

/// One page with the entries of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisterView {
    pub(crate) href: String,
    pub(crate) sheet: Sheet,
    pub(crate) title: String,
    pub(crate) balance: String,
    pub(crate) overdue: bool,
    /// The days of the form.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) more: bool,
}

/// A step of a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepRow {
    pub(crate) at: Timestamp,
    pub(crate) status: String,
    pub(crate) by: String,
    pub(crate) text: String,
}

/// A discrepancy with its steps, and those that can be taken next: the code and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiscrepancyView {
    pub(crate) row: DiscrepancyRow,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) next: Vec<(&'static str, &'static str)>,
    /// Where it is counted again; none at a cabinet, and where no place is known.
    pub(crate) again: Option<String>,
    /// The page of the register.
    pub(crate) register: Option<String>,
}
