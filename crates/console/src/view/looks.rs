//! What the page about looks shows, as values.

use jiff::Timestamp;

/// What was asked for, as it stands in the form again.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct LooksAsked {
    /// A number of the patient, or the id of a Patient.
    pub(crate) patient: String,
    /// A staff number, or the name of a client.
    pub(crate) who: String,
    /// `refused` for refusals alone.
    pub(crate) only: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The place before which a page begins.
    pub(crate) page: String,
}

/// A look at a patient's data, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LookRow {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    /// The staff number, or the name of a client.
    pub(crate) who: String,
    /// The name of the person, where the staff list has it.
    pub(crate) name: Option<String>,
    /// What it was, in words.
    pub(crate) what: String,
    pub(crate) detail: Option<String>,
    /// Why it was refused, where it was.
    pub(crate) refused: Option<String>,
}

/// A page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LooksView {
    /// Who is asked about: the name and the number, for each record that was found.
    pub(crate) patients: Vec<String>,
    pub(crate) rows: Vec<LookRow>,
    /// Whether older ones follow.
    pub(crate) next: Option<record::AccessPlace>,
}
