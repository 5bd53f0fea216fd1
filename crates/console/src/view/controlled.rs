//! What people do with controlled drugs before a second person: counts and waste.

use jiff::Timestamp;

use super::{DiscrepancyRow, PersonView, StepRow};
use crate::words::Words;

/// What is wrong with a form: the id of the field, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

impl FieldError {
    pub(crate) fn new(field: &'static str, text: impl Into<String>) -> Self {
        FieldError { field, text: text.into() }
    }
}

/// The one thing that is wrong with a form, if anything is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) Option<FieldError>);

impl Wrong {
    /// Whether anything is wrong.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// What is wrong with this field.
    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        self.0.as_ref().filter(|wrong| wrong.field == field).map(|wrong| wrong.text.as_str())
    }
}

/// What was entered of the second person. The key is never shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecondView {
    /// Why nobody can stand by.
    pub(crate) alone: String,
}

/// Something that has to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountRow {
    /// Where it is counted; none at a cabinet, which asks for its counts itself.
    pub(crate) href: Option<String>,
    pub(crate) item: String,
    pub(crate) place: String,
    /// Whose it is, where it is a patient's.
    pub(crate) patient: Option<PersonView>,
    pub(crate) schedule: String,
    pub(crate) counted: Option<Timestamp>,
    /// Since when a case asks for the count.
    pub(crate) overdue: Option<Timestamp>,
    /// By when it has to be counted; none once a case asks for it.
    pub(crate) due: Option<Timestamp>,
}

/// A discrepancy that is not over, and the last step of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenDiscrepancy {
    pub(crate) row: DiscrepancyRow,
    /// How many steps people took.
    pub(crate) taken: usize,
    /// The last of them.
    pub(crate) last: Option<StepRow>,
}

/// What has to be counted, and what does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountsView {
    pub(crate) now: Timestamp,
    /// The place that is shown, as addresses write it; empty for all.
    pub(crate) place: String,
    /// The places to choose from: the code and the words.
    pub(crate) places: Vec<(String, String)>,
    pub(crate) rows: Vec<CountRow>,
    /// Whether there is more to count than is shown.
    pub(crate) more: bool,
    /// The items that can be counted at the place beside those that are due: the address and the
    /// name.
    pub(crate) others: Vec<(String, String)>,
    pub(crate) discrepancies: Vec<OpenDiscrepancy>,
    /// How many more there are.
    pub(crate) more_discrepancies: usize,
}

impl CountsView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }

    /// How many of the counts that are shown are overdue.
    pub(crate) fn overdue(&self) -> usize {
        self.rows.iter().filter(|row| row.overdue.is_some()).count()
    }
}

/// One thing that is counted. What the register has there is no part of it: nobody may count
/// towards a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountView {
    pub(crate) href: String,
    /// The page to which to go back.
    pub(crate) back: String,
    pub(crate) item: String,
    pub(crate) strength: Option<String>,
    pub(crate) unit: String,
    pub(crate) schedule: String,
    pub(crate) place: String,
    pub(crate) patient: Option<PersonView>,
    pub(crate) counted: Option<Timestamp>,
    /// How many entries the page had when the count began.
    pub(crate) entries: u64,
    /// When it began.
    pub(crate) begun: Timestamp,
}

/// Something in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandRow {
    /// Where its waste is entered; none for what is no controlled drug.
    pub(crate) href: Option<String>,
    pub(crate) item: String,
    pub(crate) schedule: Option<String>,
    /// What is left in hands, and what was taken.
    pub(crate) left: String,
    pub(crate) removed: String,
    pub(crate) taken: Timestamp,
    pub(crate) cabinet: String,
    pub(crate) patient: Option<PersonView>,
    /// Whether a case asks where it is.
    pub(crate) asked: bool,
}

/// What somebody has in hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandsView {
    pub(crate) now: Timestamp,
    pub(crate) rows: Vec<HandRow>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl HandsView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }
}

/// A removal of which something is wasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WasteView {
    pub(crate) row: HandRow,
    pub(crate) href: String,
    pub(crate) unit: String,
    /// Whether anything is left to waste.
    pub(crate) open: bool,
    /// Whether it is made irretrievable first.
    pub(crate) denature: bool,
    /// Whether a second person signs.
    pub(crate) second: bool,
    /// When the page was shown.
    pub(crate) begun: Timestamp,
}
