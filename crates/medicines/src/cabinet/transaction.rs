//! A pocket transaction, as a ZPM segment tells it.

use fhir::types::Identifier;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::stock::{Account, PocketAddress};

/// The kinds of pocket transaction (ZPM-1). `I` of a second vendor is read as [`Self::Vend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TransactionCode {
    /// V: taken for a patient.
    #[serde(rename = "V")]
    Vend,
    /// R: put back.
    #[serde(rename = "R")]
    Return,
    /// W: wasted.
    #[serde(rename = "W")]
    Waste,
    /// L: an item assigned to a pocket, with stock.
    #[serde(rename = "L")]
    Load,
    /// U: an item taken off a pocket.
    #[serde(rename = "U")]
    Unload,
    /// F: restocked.
    #[serde(rename = "F")]
    Fill,
    /// B: return bin emptied.
    #[serde(rename = "B")]
    EmptyBin,
    /// E: expired stock removed.
    #[serde(rename = "E")]
    Expired,
    /// C: counted.
    #[serde(rename = "C")]
    Count,
    /// A: discrepancy or adjustment.
    #[serde(rename = "A")]
    Adjust,
    /// N: opened, nothing taken.
    #[serde(rename = "N")]
    Null,
    /// X: destroyed, of an older cabinet.
    #[serde(rename = "X")]
    Destroy,
}

impl TransactionCode {
    /// Whether the balance is what the transaction says it is from then on, whatever was there.
    pub fn sets_balance(self) -> bool {
        use TransactionCode::{Adjust, Count, Load, Unload};
        matches!(self, Load | Unload | Count | Adjust)
    }

    /// Whether it moves what the pocket held, so that a count told with it is the pocket's.
    fn moves_pocket(self) -> bool {
        use TransactionCode::{Destroy, Expired, Fill, Return, Vend};
        matches!(self, Vend | Return | Fill | Expired | Destroy)
    }

    /// The letter of ZPM-1.
    pub fn letter(self) -> &'static str {
        match self {
            TransactionCode::Vend => "V",
            TransactionCode::Return => "R",
            TransactionCode::Waste => "W",
            TransactionCode::Load => "L",
            TransactionCode::Unload => "U",
            TransactionCode::Fill => "F",
            TransactionCode::EmptyBin => "B",
            TransactionCode::Expired => "E",
            TransactionCode::Count => "C",
            TransactionCode::Adjust => "A",
            TransactionCode::Null => "N",
            TransactionCode::Destroy => "X",
        }
    }
}

/// A code with its text, as `MORPH10^Morphine 10 mg/1 ml inj`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coded {
    /// The code.
    pub code: String,
    /// The text.
    pub text: String,
}

/// A member of staff, as the cabinet knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The staff number.
    pub id: String,
    /// The name as the cabinet wrote it; may be empty.
    pub name: String,
}

/// The kind of pocket, where it is not an ordinary one (NTE-4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bin {
    /// An ordinary pocket.
    #[default]
    Pocket,
    /// A patient's own bin.
    PatientSpecific,
    /// The return bin.
    Return,
}

/// One pocket transaction: OMS^O05 with ZPM, or another message that carries one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// ZPM-1.
    pub code: TransactionCode,
    /// ZPM-2, the dispensing system.
    pub system: String,
    /// ZPM-3, the station.
    pub station: String,
    /// ZPM-4, -16 and -5.
    pub address: PocketAddress,
    /// Which kind of pocket.
    #[serde(default)]
    pub bin: Bin,
    /// ZPM-6.
    pub item: Coded,
    /// ZPM-8, the count expected before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Decimal>,
    /// ZPM-9, the count found before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Decimal>,
    /// ZPM-10; negative only for an adjustment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// ZPM-11.
    pub user: Staff,
    /// ZPM-12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Staff>,
    /// ZPM-13, all of this item in the cabinet afterwards, as the device counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Decimal>,
    /// ZPM-19, when it was done.
    pub activity: Timestamp,
    /// ZPM-20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// The last day on which the batch may be used, where the dialect says where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<jiff::civil::Date>,
    /// RQD-6, else ZPM-34.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// PID-3, all of them; empty where the transaction has no patient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patient: Vec<Identifier>,
    /// ORC-2, the placer's order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Identifier>,
    /// NTE-3 says that the transaction was cancelled at the device: no stock moved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

impl Transaction {
    /// The cabinet, `system/station`.
    pub fn cabinet(&self) -> String {
        format!("{}/{}", self.system, self.station)
    }

    /// The account that the transaction works on: a pocket, a patient's bin, or the cabinet's
    /// return bin.
    pub fn place(&self) -> Account {
        let cabinet = self.cabinet();
        match self.bin {
            Bin::Return => Account::ReturnBin(cabinet),
            Bin::Pocket => Account::Pocket { cabinet, address: self.address.clone() },
            Bin::PatientSpecific => Account::PatientBin { cabinet, address: self.address.clone() },
        }
    }

    /// Whether it tells what was in its place: the balance follows from it from then on.
    pub fn tells_content(&self) -> bool {
        let counted = self.expected.is_some() || self.actual.is_some();
        let pocket = self.bin != Bin::Return;
        self.code.sets_balance() || (pocket && counted && self.code.moves_pocket())
    }

    /// The amount, zero where none was sent.
    pub fn units(&self) -> Decimal {
        self.amount.unwrap_or_default()
    }
}
