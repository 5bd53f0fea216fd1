//! The places that stock can be in.

use std::fmt;
use std::str::FromStr;

use fhir::Id;
use serde::{Deserialize, Serialize};

/// A pocket inside a cabinet, as ZPM-4, ZPM-16 and ZPM-5 address it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PocketAddress {
    /// The drawer (ZPM-4); may be empty.
    pub drawer: String,
    /// The sub-drawer (ZPM-16); may be empty.
    pub sub_drawer: String,
    /// The pocket (ZPM-5).
    pub pocket: String,
}

/// One side of a transfer. Together with an item it is an account of the ledger.
///
/// Its text form is what the journal and the record keep: `pocket:ADC/WARDA1:3:C17:05`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Stock that was there before Interlock first heard of the pocket.
    Opening,
    /// Wholesalers and manufacturers, from whom the pharmacy buys.
    Supplier,
    /// The pharmacy, which fills cabinets and takes stock back.
    Pharmacy,
    /// A dispensing robot, by its name.
    Robot(String),
    /// A pocket of a cabinet.
    Pocket {
        /// The cabinet, `system/station`.
        cabinet: String,
        /// Where in the cabinet.
        address: PocketAddress,
    },
    /// A bin of a cabinet that holds one patient's supply; it does not count to the cabinet's
    /// total.
    PatientBin {
        /// The cabinet, `system/station`.
        cabinet: String,
        /// Where in the cabinet.
        address: PocketAddress,
    },
    /// The return bin of a cabinet, which does not count to what can be taken from it.
    ReturnBin(String),
    /// Somewhere in a cabinet, in pockets of which nothing was told yet.
    Elsewhere(String),
    /// The cupboard of a ward, beside its cabinets.
    WardStock(String),
    /// On the way between two places; one account per consignment.
    Transit(Id),
    /// What a patient brought along.
    OwnDrugs(Id),
    /// What is packed for a patient to take home.
    TakeHome(Id),
    /// In somebody's hands, between the cabinet and wherever the units end; one per removal.
    Hands(Id),
    /// Given to a patient.
    Patient(Id),
    /// Wasted.
    Waste,
    /// Taken out because its date had passed.
    Expired,
    /// The difference that a count found at a place: a cabinet (`system/station`), or any other
    /// place by the text of its account.
    Discrepancy(String),
    /// The two sides of learning a batch: stock of an unknown or another batch goes in, the same
    /// stock comes out as what it was found to be.
    Relabelled,
}

impl Account {
    /// Whether it stands for a place whose content Interlock counts, so that it cannot hold less
    /// than nothing. The others stand for stock that is counted elsewhere or for differences.
    pub fn is_counted(&self) -> bool {
        !matches!(
            self,
            Account::Opening
                | Account::Supplier
                | Account::Pharmacy
                | Account::Robot(_)
                | Account::Discrepancy(_)
                | Account::Relabelled
        )
    }

    /// The cabinet of a pocket or a bin.
    pub fn cabinet(&self) -> Option<&str> {
        match self {
            Account::Pocket { cabinet, .. }
            | Account::PatientBin { cabinet, .. }
            | Account::Elsewhere(cabinet)
            | Account::ReturnBin(cabinet) => Some(cabinet),
            _ => None,
        }
    }

    /// Whether a removal can be made from it: a pocket or a patient's bin.
    pub fn is_pocket(&self) -> bool {
        matches!(self, Account::Pocket { .. } | Account::PatientBin { .. })
    }
}

/// A pocket or bin as text; the separators in its parts are escaped.
fn pocket(kind: &str, cabinet: &str, address: &PocketAddress) -> String {
    let part = |text: &str| text.replace('%', "%25").replace(':', "%3A");
    let PocketAddress { drawer, sub_drawer, pocket } = address;
    format!("{kind}:{}:{}:{}:{}", part(cabinet), part(drawer), part(sub_drawer), part(pocket))
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Opening => f.write_str("opening"),
            Account::Supplier => f.write_str("supplier"),
            Account::Pharmacy => f.write_str("pharmacy"),
            Account::Robot(robot) => write!(f, "robot:{robot}"),
            Account::Pocket { cabinet, address } => {
                f.write_str(&pocket("pocket", cabinet, address))
            }
            Account::PatientBin { cabinet, address } => {
                f.write_str(&pocket("patient-bin", cabinet, address))
            }
            Account::ReturnBin(cabinet) => write!(f, "return-bin:{cabinet}"),
            Account::Elsewhere(cabinet) => write!(f, "elsewhere:{cabinet}"),
            Account::WardStock(ward) => write!(f, "ward:{ward}"),
            Account::Transit(consignment) => write!(f, "transit:{consignment}"),
            Account::OwnDrugs(patient) => write!(f, "own:{patient}"),
            Account::TakeHome(patient) => write!(f, "take-home:{patient}"),
            Account::Hands(removal) => write!(f, "hands:{removal}"),
            Account::Patient(patient) => write!(f, "patient:{patient}"),
            Account::Waste => f.write_str("waste"),
            Account::Expired => f.write_str("expired"),
            Account::Discrepancy(place) => write!(f, "discrepancy:{place}"),
            Account::Relabelled => f.write_str("relabelled"),
        }
    }
}

/// A text that is no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stock account")]
pub struct UnknownAccount(String);

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownAccount(text.to_owned());
        let id = |part: &str| Id::new(part).map_err(|_| unknown());
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let named = || if rest.is_empty() { Err(unknown()) } else { Ok(rest.to_owned()) };
        Ok(match kind {
            "opening" => Account::Opening,
            "supplier" => Account::Supplier,
            "pharmacy" => Account::Pharmacy,
            "robot" => Account::Robot(named()?),
            "waste" => Account::Waste,
            "expired" => Account::Expired,
            "relabelled" => Account::Relabelled,
            "return-bin" => Account::ReturnBin(rest.to_owned()),
            "elsewhere" => Account::Elsewhere(rest.to_owned()),
            "ward" => Account::WardStock(named()?),
            "discrepancy" => Account::Discrepancy(rest.to_owned()),
            "transit" => Account::Transit(id(rest)?),
            "own" => Account::OwnDrugs(id(rest)?),
            "take-home" => Account::TakeHome(id(rest)?),
            "hands" => Account::Hands(id(rest)?),
            "patient" => Account::Patient(id(rest)?),
            "pocket" | "patient-bin" => {
                let part = |text: &str| text.replace("%3A", ":").replace("%25", "%");
                let parts: Vec<String> = rest.split(':').map(part).collect();
                let [cabinet, drawer, sub_drawer, pocket] =
                    <[String; 4]>::try_from(parts).map_err(|_| unknown())?;
                let address = PocketAddress { drawer, sub_drawer, pocket };
                if kind == "pocket" {
                    Account::Pocket { cabinet, address }
                } else {
                    Account::PatientBin { cabinet, address }
                }
            }
            _ => return Err(unknown()),
        })
    }
}

impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_read_back_as_written() {
        let address =
            PocketAddress { drawer: "3".into(), sub_drawer: "C:17".into(), pocket: "05%3A".into() };
        let accounts = [
            Account::Opening,
            Account::Supplier,
            Account::Pharmacy,
            Account::Robot("ROWA1".into()),
            Account::Expired,
            Account::Waste,
            Account::Relabelled,
            Account::Pocket { cabinet: "ADC/WARDA1".into(), address: address.clone() },
            Account::PatientBin { cabinet: "ADC/WARDA1".into(), address },
            Account::Elsewhere("ADC/WARDA1".into()),
            Account::WardStock("WARDA".into()),
            Account::Transit(Id::new("rxx.9.1").unwrap()),
            Account::OwnDrugs(Id::new("rxx.2.1").unwrap()),
            Account::TakeHome(Id::new("rxx.2.1").unwrap()),
            Account::ReturnBin("ADC/WARDA1".into()),
            Account::Hands(Id::new("rxx.7.1").unwrap()),
            Account::Patient(Id::new("rxx.2.1").unwrap()),
            Account::Discrepancy("ADC/WARDA1".into()),
        ];
        for account in accounts {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        assert!("cupboard:7".parse::<Account>().is_err());
        assert!("ward:".parse::<Account>().is_err());
        assert!("pocket:ADC/1:3".parse::<Account>().is_err());
    }
}
