//! Cases: what somebody has to look at, from the moment it opens to its resolution.

mod resolve;
mod unmapped;

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub(crate) use resolve::settle_consignment;
pub use resolve::{Resolution, resolve};
pub use unmapped::{Unmapped, unmapped};

/// Why a case is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// A message could not be acted on; it can be replayed once the cause is mended.
    ParkedMessage,
    /// A medicine left a cabinet and no live, verified order of that patient covers it.
    DispensedWithoutOrder,
    /// A medicine was let out on a reason instead of an order.
    Override,
    /// A medicine was taken on an order that no pharmacist had verified, as the site allows.
    UnverifiedRemoval,
    /// Units were removed and nobody has said where they went.
    UnaccountedDose,
    /// A return, waste or administration that no removal explains.
    UnmatchedTransaction,
    /// Something was done at the bedside that the checks would have held back.
    BedsideDeviation,
    /// A critical medicine was not given.
    OmittedDose,
    /// A pharmacist asks the prescriber about an order.
    PharmacistQuery,
    /// A pharmacist holds an order back until it is changed.
    PharmacistIntervention,
    /// A cabinet's count differs from the ledger.
    Discrepancy,
    /// Stock that was sent has not arrived, or not all of it.
    Consignment,
    /// Stock of a recalled batch has to be taken out, or was used.
    Recall,
    /// What one person did shows a pattern that wants to be looked at.
    PersonPattern,
    /// Something about controlled drugs that the law or good practice asks to be looked at.
    ControlledDrug,
    /// A peer refused a message that it was sent.
    RefusedDelivery,
    /// A message was sent and not answered; the patient's later messages wait behind it.
    UnknownOutcome,
    /// A peer refused a message; the patient's later messages wait behind it.
    ParkedDelivery,
    /// A peer sent acknowledgements of which nobody knows what they are about.
    StrayAcknowledgement,
    /// A peer writes a code that no table of its channel knows.
    UnmappedCode,
    /// A client sends resources that are not valid, and they are stored all the same.
    InvalidResource,
}

impl CaseKind {
    /// The code of the kind, as JSON and the pages write it.
    pub fn as_str(self) -> &'static str {
        match self {
            CaseKind::ParkedMessage => "parked-message",
            CaseKind::DispensedWithoutOrder => "dispensed-without-order",
            CaseKind::Override => "override",
            CaseKind::UnverifiedRemoval => "unverified-removal",
            CaseKind::UnaccountedDose => "unaccounted-dose",
            CaseKind::UnmatchedTransaction => "unmatched-transaction",
            CaseKind::BedsideDeviation => "bedside-deviation",
            CaseKind::OmittedDose => "omitted-dose",
            CaseKind::PharmacistQuery => "pharmacist-query",
            CaseKind::PharmacistIntervention => "pharmacist-intervention",
            CaseKind::Discrepancy => "discrepancy",
            CaseKind::Consignment => "consignment",
            CaseKind::Recall => "recall",
            CaseKind::PersonPattern => "person-pattern",
            CaseKind::ControlledDrug => "controlled-drug",
            CaseKind::RefusedDelivery => "refused-delivery",
            CaseKind::UnknownOutcome => "unknown-outcome",
            CaseKind::ParkedDelivery => "parked-delivery",
            CaseKind::StrayAcknowledgement => "stray-acknowledgement",
            CaseKind::UnmappedCode => "unmapped-code",
            CaseKind::InvalidResource => "invalid-resource",
        }
    }
}

/// Something that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: Id,
    /// Why it is open.
    pub kind: CaseKind,
    /// The coded reason, for instance `unknown-patient`, `not-verified`.
    pub reason: String,
    /// When it opened (recording time).
    pub opened: Timestamp,
    /// The number of the journal entry that it is about.
    pub entry: u64,
    /// The patient, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
    /// The order, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Id>,
    /// The removal whose units it follows, or the consignment that it looks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Id>,
    /// The cabinet, `system/station`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cabinet: Option<String>,
    /// The place of a controlled-drug register, as `ward:WARDA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The channel of a parked or refused message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The message that was sent, for [`CaseKind::UnknownOutcome`] and
    /// [`CaseKind::ParkedDelivery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Id>,
    /// The local formulary code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How much it is about, in the item's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// How many units one dose of the order was, for a dose, where that could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<Decimal>,
    /// How often it happened, where one case stands for many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When the act that it is about was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Timestamp>,
    /// The person whose act it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What to look at and what to do, in words that hold no patient data.
    pub text: String,
}

/// The end of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseClosed {
    /// The case.
    pub id: Id,
    /// When it closed (recording time).
    pub at: Timestamp,
    /// Who closed it: a staff number, or `interlock` where an event settled it.
    pub by: String,
    /// How it was settled: a code such as `administered`, `returned`, `replayed`, or words.
    pub resolution: String,
}
