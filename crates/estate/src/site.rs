//! The facts that the node has to be configured with, as plain data.

use rust_decimal::Decimal;

use crate::config::EstateConfig;
use crate::formulary::FORMULARY;

/// The system of dm+d codes.
pub const DMD: &str = "https://dmd.nhs.uk";

/// Everything that the node has to know of the estate.
#[derive(Debug, Clone)]
pub struct SiteFacts {
    /// The ODS code.
    pub code: String,
    /// The wards.
    pub wards: Vec<WardFacts>,
    /// The cabinets, one to a ward.
    pub cabinets: Vec<CabinetFacts>,
    /// The formulary.
    pub items: Vec<ItemFacts>,
    /// The staff.
    pub people: Vec<PersonFacts>,
    /// How the PAS writes.
    pub pas: DialectFacts,
    /// How the ePMA writes and reads.
    pub epma: DialectFacts,
}

/// A ward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WardFacts {
    /// The code, as PV1-3.1 carries it.
    pub code: String,
    /// The name.
    pub name: String,
    /// How many beds it has.
    pub beds: u16,
}

/// How a cabinet decides and tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CabinetKind {
    /// It has a profile, told in HL7 2.5, and tells afterwards.
    HlA,
    /// The same in HL7 2.3 with another vendor's words.
    HlB,
    /// It asks before it opens.
    Asking,
}

/// A cabinet.
#[derive(Debug, Clone)]
pub struct CabinetFacts {
    /// The dispensing system, as ZPM-2 names it: `ADCA`, `ADCB`, `ASK`.
    pub system: String,
    /// The station, as ZPM-3 names it.
    pub station: String,
    /// The wards that it serves.
    pub wards: Vec<String>,
    /// How it decides.
    pub kind: CabinetKind,
    /// How it writes and reads HL7.
    pub dialect: DialectFacts,
}

impl CabinetFacts {
    /// `system/station`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.system, self.station)
    }

    /// Whether the node tells it a profile.
    pub fn has_profile(&self) -> bool {
        self.kind != CabinetKind::Asking
    }
}

/// The words of one peer for order control (ORC-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderWords {
    /// A new order.
    pub new: &'static str,
    /// A changed order.
    pub change: &'static str,
    /// Put on hold.
    pub hold: &'static str,
    /// Resumed.
    pub resume: &'static str,
    /// Stopped.
    pub stop: &'static str,
    /// Cancelled.
    pub cancel: &'static str,
}

/// The words that a request uses (HL7 table 0119).
pub const REQUEST_WORDS: OrderWords =
    OrderWords { new: "NW", change: "XO", hold: "HD", resume: "RL", stop: "DC", cancel: "CA" };

/// The words of a vendor that speaks as if it told of its own acts.
pub const TOLD_WORDS: OrderWords =
    OrderWords { new: "NW", change: "XX", hold: "OH", resume: "RL", stop: "DC", cancel: "OC" };

/// How a peer writes and reads HL7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialectFacts {
    /// MSH-12.
    pub version: &'static str,
    /// MSH-3 of the peer; MSH-4 is the site's code.
    pub application: &'static str,
    /// MSH-18 of the peer; none where it declares nothing.
    pub charset: Option<&'static str>,
    /// The words for order control.
    pub words: OrderWords,
    /// Whether timing is in TQ1 segments; else in RXE-1.
    pub tq1: bool,
    /// How ZPM is laid out: `2.5` with components, `2.3` with fields of their own.
    pub zpm_layout: &'static str,
}

/// MSH-5 of what the estate sends; MSH-6 is the site's code.
pub const NODE_APPLICATION: &str = "INTERLOCK";

const UTF8: Option<&str> = Some("UNICODE UTF-8");

pub(crate) const PAS: DialectFacts = DialectFacts {
    version: "2.4",
    application: "PAS",
    charset: UTF8,
    words: REQUEST_WORDS,
    tq1: true,
    zpm_layout: "2.5",
};
pub(crate) const EPMA: DialectFacts = DialectFacts { version: "2.5.1", application: "EPMA", ..PAS };
const ADC_A: DialectFacts = DialectFacts { version: "2.5", application: "ADCA", ..PAS };
const ADC_B: DialectFacts = DialectFacts {
    version: "2.3",
    application: "ADCB",
    charset: None,
    words: TOLD_WORDS,
    tq1: false,
    zpm_layout: "2.3",
};
const ASK: DialectFacts = DialectFacts { version: "2.5", application: "ASK", ..PAS };

/// A formulary item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFacts {
    /// The local code.
    pub code: String,
    /// The name.
    pub name: String,
    /// Codes by which an order may name it: system and code.
    pub codings: Vec<(String, String)>,
    /// The unit in which it is counted.
    pub unit: String,
    /// How much drug one unit holds: amount and unit.
    pub strength: Option<(Decimal, String)>,
    /// Whether a second person must see it leave.
    pub witness: bool,
    /// Its schedule as a controlled drug, where a register of it is kept.
    pub schedule: Option<&'static str>,
    /// Whether it may leave without an order.
    pub override_allowed: bool,
    /// The trade item number of its pack.
    pub barcode: String,
}

/// What somebody is employed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StaffRole {
    /// Takes and gives.
    Nurse,
    /// Prescribes.
    Prescriber,
    /// Verifies.
    Pharmacist,
    /// May not take anything.
    Assistant,
}

/// Somebody of the staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFacts {
    /// The staff number.
    pub id: String,
    /// The family name.
    pub family: String,
    /// The given name.
    pub given: String,
    /// The role.
    pub role: StaffRole,
}

/// How many nurses a ward has.
pub(crate) const NURSES_PER_WARD: usize = 4;
/// How many prescribers and how many pharmacists the site has.
pub(crate) const DOCTORS: usize = 6;

/// The code of the ward at `index`: `WARDA`, …, `WARDZ`, `WARD27`, …
pub(crate) fn ward_code(index: usize) -> String {
    match u8::try_from(index) {
        Ok(letter @ 0..26) => format!("WARD{}", char::from(b'A' + letter)),
        _ => format!("WARD{}", index + 1),
    }
}

/// The staff number of a ward's nurse.
pub(crate) fn nurse_id(ward: usize, nurse: usize) -> String {
    format!("N{}", 1001 + ward * 10 + nurse % NURSES_PER_WARD)
}

/// The staff number of a ward's assistant.
pub(crate) fn assistant_id(ward: usize) -> String {
    format!("H{}", 6001 + ward)
}

/// The staff number of a prescriber.
pub(crate) fn doctor_id(index: usize) -> String {
    format!("D{}", 4001 + index % DOCTORS)
}

/// The staff number of a pharmacist.
pub(crate) fn pharmacist_id(index: usize) -> String {
    format!("P{}", 5001 + index % DOCTORS)
}

/// The given name that goes with a staff number.
pub(crate) fn staff_given(id: &str) -> &'static str {
    const GIVEN: [&str; 10] =
        ["Anna", "Ben", "Cara", "Dev", "Eve", "Finn", "Gita", "Hugh", "Ines", "Joe"];
    let digit = id.bytes().last().map_or(0, |byte| usize::from((byte + 1) % 10));
    GIVEN[digit]
}

/// The family name that goes with a staff number.
pub(crate) fn staff_family(id: &str) -> &'static str {
    match id.as_bytes().first() {
        Some(b'N') => "Nurse",
        Some(b'D') => "Doctor",
        Some(b'P') => "Pharmacist",
        _ => "Assistant",
    }
}

fn person(id: String, role: StaffRole) -> PersonFacts {
    let (family, given) = (staff_family(&id).to_owned(), staff_given(&id).to_owned());
    PersonFacts { id, family, given, role }
}

fn people(wards: usize) -> Vec<PersonFacts> {
    let nurses = (0..wards).flat_map(|ward| (0..NURSES_PER_WARD).map(move |n| nurse_id(ward, n)));
    nurses
        .map(|id| person(id, StaffRole::Nurse))
        .chain((0..wards).map(|ward| person(assistant_id(ward), StaffRole::Assistant)))
        .chain((0..DOCTORS).map(|n| person(doctor_id(n), StaffRole::Prescriber)))
        .chain((0..DOCTORS).map(|n| person(pharmacist_id(n), StaffRole::Pharmacist)))
        .collect()
}

/// The cabinet of the ward at `index`.
pub(crate) fn cabinet(index: usize) -> CabinetFacts {
    let (kind, dialect) = match index % 3 {
        0 => (CabinetKind::HlA, ADC_A),
        1 => (CabinetKind::HlB, ADC_B),
        _ => (CabinetKind::Asking, ASK),
    };
    let ward = ward_code(index);
    CabinetFacts {
        system: dialect.application.to_owned(),
        station: format!("{ward}1"),
        wards: vec![ward],
        kind,
        dialect,
    }
}

impl EstateConfig {
    /// What the node has to be configured with for this estate.
    pub fn site(&self) -> SiteFacts {
        let config = self.clone().held();
        let ward = |index| {
            let code = ward_code(index);
            WardFacts { name: format!("Ward {}", &code[4..]), code, beds: config.beds_per_ward }
        };
        let items = FORMULARY.iter().map(|item| {
            let mut codings = vec![(DMD.to_owned(), item.vmp())];
            if item.alone {
                codings.push((DMD.to_owned(), item.vtm()));
            }
            ItemFacts {
                code: item.code.to_owned(),
                name: item.name.to_owned(),
                codings,
                unit: item.unit.to_owned(),
                strength: item.strength().map(|(amount, unit)| (amount, unit.to_owned())),
                witness: item.witness,
                schedule: item.schedule,
                override_allowed: item.override_allowed,
                barcode: item.barcode(),
            }
        });
        SiteFacts {
            code: config.site_code.clone(),
            wards: (0..config.wards).map(ward).collect(),
            cabinets: (0..config.wards).map(cabinet).collect(),
            items: items.collect(),
            people: people(config.wards),
            pas: PAS,
            epma: EPMA,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Instant;

    use super::*;
    use crate::clock::SimClock;

    #[test]
    fn the_facts_fit_together() {
        let start = "2026-11-20T07:30:00Z".parse().unwrap();
        let mut config = EstateConfig::new(1, SimClock::new(start, Instant::now(), 1));
        config.wards = 30;
        let site = config.site();
        let staff: HashSet<&str> = site.people.iter().map(|person| person.id.as_str()).collect();
        assert_eq!(staff.len(), site.people.len(), "staff numbers are unique");
        let cabinets: HashSet<String> = site.cabinets.iter().map(CabinetFacts::id).collect();
        assert_eq!(cabinets.len(), 30);
        assert!(cabinets.contains("ADCA/WARDA1") && cabinets.contains("ASK/WARDC1"));
        assert_eq!(site.wards[26].code, "WARD27");
        for cabinet in &site.cabinets {
            assert!(site.wards.iter().any(|ward| cabinet.wards.contains(&ward.code)));
        }
    }
}
