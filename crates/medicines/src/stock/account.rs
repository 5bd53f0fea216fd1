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
    /// The pharmacy, which fills cabinets and takes stock back.
    Pharmacy,
    /// A pocket of a cabinet.
    Pocket {
        /// The cabinet, `system/station`.
        cabinet: String,
        /// Where in the cabinet.
        address: PocketAddress,
    },
    /// The return bin of a cabinet, which does not count to what can be taken from it.
    ReturnBin(String),
    /// In somebody's hands, between the cabinet and wherever the units end; one per removal.
    Hands(Id),
    /// Given to a patient.
    Patient(Id),
    /// Wasted.
    Waste,
    /// Taken out because its date had passed.
    Expired,
    /// The difference that a count found at a cabinet.
    Discrepancy(String),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Opening => f.write_str("opening"),
            Account::Pharmacy => f.write_str("pharmacy"),
            Account::Pocket { cabinet, address: PocketAddress { drawer, sub_drawer, pocket } } => {
                let part = |text: &str| text.replace('%', "%25").replace(':', "%3A");
                write!(f, "pocket:{}:", part(cabinet))?;
                write!(f, "{}:{}:{}", part(drawer), part(sub_drawer), part(pocket))
            }
            Account::ReturnBin(cabinet) => write!(f, "return-bin:{cabinet}"),
            Account::Hands(removal) => write!(f, "hands:{removal}"),
            Account::Patient(patient) => write!(f, "patient:{patient}"),
            Account::Waste => f.write_str("waste"),
            Account::Expired => f.write_str("expired"),
            Account::Discrepancy(cabinet) => write!(f, "discrepancy:{cabinet}"),
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
        Ok(match kind {
            "opening" => Account::Opening,
            "pharmacy" => Account::Pharmacy,
            "waste" => Account::Waste,
            "expired" => Account::Expired,
            "return-bin" => Account::ReturnBin(rest.to_owned()),
            "discrepancy" => Account::Discrepancy(rest.to_owned()),
            "hands" => Account::Hands(id(rest)?),
            "patient" => Account::Patient(id(rest)?),
            "pocket" => {
                let part = |text: &str| text.replace("%3A", ":").replace("%25", "%");
                let parts: Vec<String> = rest.split(':').map(part).collect();
                let [cabinet, drawer, sub_drawer, pocket] =
                    <[String; 4]>::try_from(parts).map_err(|_| unknown())?;
                Account::Pocket { cabinet, address: PocketAddress { drawer, sub_drawer, pocket } }
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
            Account::Pharmacy,
            Account::Expired,
            Account::Waste,
            Account::Pocket { cabinet: "ADC/WARDA1".into(), address },
            Account::ReturnBin("ADC/WARDA1".into()),
            Account::Hands(Id::new("rxx.7.1").unwrap()),
            Account::Patient(Id::new("rxx.2.1").unwrap()),
            Account::Discrepancy("ADC/WARDA1".into()),
        ];
        for account in accounts {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        assert!("cupboard:7".parse::<Account>().is_err());
        assert!("pocket:ADC/1:3".parse::<Account>().is_err());
    }
}
