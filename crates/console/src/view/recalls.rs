//! Recalls, where their batches are, and who had them.

use jiff::Timestamp;

use crate::view::PersonView;

/// A batch whose recall is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecallRow {
    pub(crate) href: String,
    pub(crate) item: String,
    pub(crate) batch: String,
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) since: Timestamp,
    /// How many places still have to be cleared.
    pub(crate) open: usize,
}

/// An item that a recall can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemChoice {
    pub(crate) code: String,
    pub(crate) name: String,
}

/// The recalls in force, and what the form offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecallsView {
    pub(crate) rows: Vec<RecallRow>,
    pub(crate) items: Vec<ItemChoice>,
}

/// A recall in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) since: Timestamp,
}

/// A place that holds some of the batch, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldRow {
    pub(crate) place: String,
    pub(crate) under: String,
    pub(crate) quantity: String,
    /// Whether it is the batch, and not stock of which nobody knows the batch.
    pub(crate) certain: bool,
}

/// A cabinet, and what of the item is held back in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CabinetRow {
    pub(crate) cabinet: String,
    pub(crate) wards: String,
    /// How much of the batch is there; none where nothing is.
    pub(crate) of_batch: Option<String>,
    /// How much of no known batch is there.
    pub(crate) of_unknown: Option<String>,
    /// Whether a case asks for it to be taken out.
    pub(crate) asked: bool,
}

/// Something that was done with the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActRow {
    pub(crate) at: Timestamp,
    pub(crate) act: &'static str,
    pub(crate) patient: Option<PersonView>,
    pub(crate) quantity: String,
    pub(crate) from: String,
    pub(crate) person: String,
    pub(crate) certain: bool,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchView {
    pub(crate) href: String,
    pub(crate) code: String,
    pub(crate) item: String,
    pub(crate) batch: String,
    pub(crate) expiry: Option<String>,
    pub(crate) recall: Option<InForce>,
    pub(crate) held: Vec<HeldRow>,
    pub(crate) cabinets: Vec<CabinetRow>,
    pub(crate) acts: Vec<ActRow>,
    /// How many acts are not shown.
    pub(crate) more: usize,
    /// How many patients had it for certain.
    pub(crate) certain: usize,
    /// How many others may have had it.
    pub(crate) perhaps: usize,
}
