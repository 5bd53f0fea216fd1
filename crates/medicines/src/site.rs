//! What the site is: its cabinets, formulary, people and policies, as journaled data.
//!
//! The configuration enters the journal as a fact, so that a replay decides with what was in
//! force at the time.

use access::Person;
use serde::{Deserialize, Serialize};

use crate::controlled::ControlledPolicy;
use crate::formulary::Item;
use crate::zone::Zone;

/// One site: the part of a trust for which one engine decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The ODS code of the trust or site, for instance `RXX`. It begins every id made here.
    pub code: String,
    /// The time zone of its days: of expiry dates, of the registers, of what people did on a day.
    /// Default `Europe/London`.
    #[serde(
        default,
        deserialize_with = "crate::zone::kept",
        skip_serializing_if = "Zone::is_usual"
    )]
    pub time_zone: Zone,
    /// The cabinets.
    #[serde(default)]
    pub cabinets: Vec<Cabinet>,
    /// The systems that are told of removals and administrations (the ePMA).
    #[serde(default)]
    pub recorders: Vec<Recorder>,
    /// The formulary, as far as cabinets hold it.
    #[serde(default)]
    pub items: Vec<Item>,
    /// The people who act at cabinets and at the bedside.
    #[serde(default)]
    pub people: Vec<Person>,
    /// The rules that the site may set.
    #[serde(default)]
    pub policies: Policies,
    /// The rules for controlled drugs.
    #[serde(default, skip_serializing_if = "ControlledPolicy::is_usual")]
    pub controlled: ControlledPolicy,
}

/// An automated dispensing cabinet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cabinet {
    /// The dispensing system, exactly as ZPM-2 names it.
    pub system: String,
    /// The station, unique within the system, exactly as ZPM-3 names it.
    pub station: String,
    /// The wards that it serves, as PV1-3.1 names them.
    pub wards: Vec<String>,
    /// The outbound channel that carries its profile; none for a cabinet that only asks.
    #[serde(default)]
    pub channel: Option<String>,
}

impl Cabinet {
    /// `system/station`, the cabinet's name everywhere inside Interlock.
    pub fn id(&self) -> String {
        format!("{}/{}", self.system, self.station)
    }
}

/// A system that keeps the record of what was dispensed and given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorder {
    /// The outbound channel on which it is told.
    pub channel: String,
    /// The inbound channel from which the same system speaks: it is not told what it said itself.
    #[serde(default)]
    pub hears_from: Option<String>,
}

/// The rules that a site may set, each with its unit in its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// How long a removal permit can be used, in seconds.
    pub permit_lifetime_s: u32,
    /// How long a removed unit may stay unaccounted for before a case opens, in minutes.
    pub unaccounted_after_min: u32,
    /// How much before its time a dose on a fixed interval may be taken, in minutes.
    pub early_window_min: u32,
    /// How long a discharged patient stays on the cabinets' list, in hours.
    pub discharge_grace_h: u32,
    /// How long stock that was sent may be on its way before a case opens, in hours.
    pub transit_max_h: u32,
    /// The roles that may take a medicine on a reason instead of an order; all that may take
    /// medicines where none are listed.
    pub override_roles: Vec<access::Role>,
    /// Whether an order that no pharmacist has verified may be taken (with a case).
    pub unverified_allowed: bool,
    /// How long an order may be taken after its prescriber's system last spoke of it, in hours;
    /// for ever where it is 0.
    pub order_valid_h: u32,
    /// How late a dose of a critical medicine may be before it is late, in minutes.
    pub critical_window_min: u32,
    /// How late any other dose may be, in minutes.
    pub late_window_min: u32,
    /// The GS1 company prefix of the NHS on wristbands (AI 8018): seven digits.
    pub gsrn_prefix: String,
    /// How many days of somebody's acts are looked at together; none where it is 0.
    pub review_window_days: u32,
    /// How many times, within them, somebody's units may be not accounted for before the acts are
    /// looked at together; never where it is 0.
    pub review_repeats: u32,
    /// How long the prescribing system may say nothing of any order before its orders are no
    /// longer taken, in minutes; for ever where it is 0.
    pub prescriber_silent_min: u32,
}

impl Default for Policies {
    fn default() -> Self {
        Policies {
            permit_lifetime_s: 120,
            unaccounted_after_min: 60,
            early_window_min: 60,
            discharge_grace_h: 2,
            transit_max_h: 24,
            override_roles: Vec::new(),
            unverified_allowed: false,
            order_valid_h: 0,
            critical_window_min: 30,
            late_window_min: 60,
            gsrn_prefix: String::new(),
            review_window_days: 7,
            review_repeats: 3,
            prescriber_silent_min: 0,
        }
    }
}

impl Site {
    /// The system of the local formulary codes: `https://rxx.nhs.uk/Id/item`.
    pub fn item_system(&self) -> String {
        format!("https://{}.nhs.uk/Id/item", self.code.to_lowercase())
    }

    /// The system of the hospital's own patient numbers: `https://rxx.nhs.uk/Id/mrn`.
    pub fn local_patient_system(&self) -> String {
        format!("https://{}.nhs.uk/Id/mrn", self.code.to_lowercase())
    }

    /// The system of the staff numbers.
    pub fn staff_system(&self) -> String {
        format!("https://{}.nhs.uk/Id/staff", self.code.to_lowercase())
    }

    /// The cabinet of that system and station.
    pub fn cabinet(&self, id: &str) -> Option<&Cabinet> {
        self.cabinets.iter().find(|cabinet| {
            id.split_once('/') == Some((cabinet.system.as_str(), cabinet.station.as_str()))
        })
    }

    /// The formulary item of that local code.
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.code == code)
    }

    /// The person of that staff number.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The cabinets that serve `ward`.
    pub fn cabinets_of(&self, ward: &str) -> impl Iterator<Item = &Cabinet> {
        let ward = ward.to_owned();
        self.cabinets.iter().filter(move |cabinet| cabinet.wards.contains(&ward))
    }
}
