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

/// All registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistersView {
    pub(crate) now: Timestamp,
    pub(crate) rows: Vec<RegisterRow>,
    pub(crate) discrepancies: Vec<DiscrepancyRow>,
}

impl RegistersView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }

    /// How many pages wait for a count.
    pub(crate) fn overdue(&self) -> usize {
        self.rows.iter().filter(|row| row.overdue).count()
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
}
