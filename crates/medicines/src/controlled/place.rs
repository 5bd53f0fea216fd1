//! The places that have pages in the registers.

use std::fmt;
use std::str::FromStr;

use fhir::Id;

use crate::stock::Account;

/// A place whose controlled drugs have a page for each item and strength: the premises, a ward, a
/// cabinet. A cabinet's pockets and bins are one place, because one person answers for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The pharmacy.
    Pharmacy,
    /// A dispensing robot, by its name.
    Robot(String),
    /// A cabinet, `system/station`.
    Cabinet(String),
    /// A ward's cupboard.
    Ward(String),
    /// What a patient brought along: a section of its own.
    Own(Id),
    /// What is packed for a patient to take home.
    TakeHome(Id),
    /// What waits for its destruction because its date has passed.
    Expired,
}

/// The parts of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The hospital's stock.
    Stock,
    /// Patients' own medicines.
    PatientsOwn,
}

impl Section {
    /// The section as addresses and files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Section::Stock => "stock",
            Section::PatientsOwn => "patients-own",
        }
    }
}

impl Place {
    /// The place of an account; none for what is in hands, on its way, given or gone.
    pub fn of(account: &Account) -> Option<Place> {
        Some(match account {
            Account::Pharmacy => Place::Pharmacy,
            Account::Robot(robot) => Place::Robot(robot.clone()),
            Account::Pocket { cabinet, .. }
            | Account::PatientBin { cabinet, .. }
            | Account::ReturnBin(cabinet)
            | Account::Elsewhere(cabinet) => Place::Cabinet(cabinet.clone()),
            Account::WardStock(ward) => Place::Ward(ward.clone()),
            Account::OwnDrugs(patient) => Place::Own(patient.clone()),
            Account::TakeHome(patient) => Place::TakeHome(patient.clone()),
            Account::Expired => Place::Expired,
            _ => return None,
        })
    }

    /// The part of the register in which its pages stand.
    pub fn section(&self) -> Section {
        match self {
            Place::Own(_) => Section::PatientsOwn,
            _ => Section::Stock,
        }
    }

    /// The patient whom the place names.
    pub fn patient(&self) -> Option<&Id> {
        match self {
            Place::Own(patient) | Place::TakeHome(patient) => Some(patient),
            _ => None,
        }
    }

    /// The one account that the place is; none for a cabinet, which has a pocket for each item.
    pub fn account(&self) -> Option<Account> {
        Some(match self {
            Place::Pharmacy => Account::Pharmacy,
            Place::Robot(robot) => Account::Robot(robot.clone()),
            Place::Ward(ward) => Account::WardStock(ward.clone()),
            Place::Own(patient) => Account::OwnDrugs(patient.clone()),
            Place::TakeHome(patient) => Account::TakeHome(patient.clone()),
            Place::Expired => Account::Expired,
            Place::Cabinet(_) => return None,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Cabinet(cabinet) => write!(f, "cabinet:{cabinet}"),
            other => match other.account() {
                Some(account) => account.fmt(f),
                None => Ok(()),
            },
        }
    }
}

/// A text that is no place of a register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place that has a register")]
pub struct UnknownPlace(String);

impl FromStr for Place {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownPlace(text.to_owned());
        if let Some(cabinet) = text.strip_prefix("cabinet:") {
            let named = cabinet.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty());
            return named.map(|_| Place::Cabinet(cabinet.to_owned())).ok_or_else(unknown);
        }
        let account: Account = text.parse().map_err(|_| unknown())?;
        let place = Place::of(&account).ok_or_else(unknown)?;
        // The accounts inside a cabinet are not places by themselves.
        if place.account().as_ref() == Some(&account) { Ok(place) } else { Err(unknown()) }
    }
}

impl serde::Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock::PocketAddress;

    #[test]
    fn places_read_back_as_written() {
        for text in [
            "pharmacy",
            "robot:ROWA1",
            "cabinet:ADC/WARDA1",
            "ward:WARDA",
            "own:rxx.1.1",
            "take-home:rxx.1.1",
            "expired",
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", "waste", "supplier", "cabinet:ADC", "pocket:ADC/A:1::2", "return-bin:A/B"]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn all_of_a_cabinet_is_one_place() {
        let cabinet = "ADC/WARDA1".to_owned();
        let address = PocketAddress::default();
        for account in [
            Account::Pocket { cabinet: cabinet.clone(), address: address.clone() },
            Account::PatientBin { cabinet: cabinet.clone(), address },
            Account::ReturnBin(cabinet.clone()),
            Account::Elsewhere(cabinet.clone()),
        ] {
            assert_eq!(Place::of(&account), Some(Place::Cabinet(cabinet.clone())));
        }
        for account in [Account::Supplier, Account::Waste, Account::Relabelled, Account::Opening] {
            assert_eq!(Place::of(&account), None);
        }
        assert_eq!("own:x".parse::<Place>().unwrap().section(), Section::PatientsOwn);
        assert_eq!(Place::Pharmacy.section(), Section::Stock);
    }
}
