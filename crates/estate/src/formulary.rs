//! The medicines that the wards keep.
//!
//! The local codes are invented, and so are the dm+d numbers: the partition identifier of a
//! SNOMED CT identifier is its second and third digit from the right, and `99` is not allocated,
//! so that no real concept can ever have one of these.

use rust_decimal::Decimal;

use Timing::{Bd, Od, Prn, Q6h, Qds, Tds};

/// How often a medicine may be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Once a day, at 08:00.
    Od,
    /// Twice a day, at 08:00 and 20:00.
    Bd,
    /// Three times a day, at 08:00, 14:00 and 20:00.
    Tds,
    /// Four times a day, at 08:00, 12:00, 17:00 and 22:00.
    Qds,
    /// Every six hours from the start of the order.
    Q6h,
    /// When needed, with at least so many hours between doses.
    Prn(u8),
}

impl Timing {
    /// The code on the wire (HL7 table 0335 and the Latin ones that UK sites use).
    pub fn code(self) -> String {
        match self {
            Od => "OD".to_owned(),
            Bd => "BD".to_owned(),
            Tds => "TDS".to_owned(),
            Qds => "QDS".to_owned(),
            Q6h => "Q6H".to_owned(),
            Prn(hours) => format!("PRNQ{hours}H"),
        }
    }

    /// The hours of the day at which doses are due; empty for the others.
    pub(crate) fn hours(self) -> &'static [i8] {
        match self {
            Od => &[8],
            Bd => &[8, 20],
            Tds => &[8, 14, 20],
            Qds => &[8, 12, 17, 22],
            Q6h | Prn(_) => &[],
        }
    }

    /// The least hours between two doses, where the order itself sets them.
    pub fn least_hours(self) -> Option<u8> {
        match self {
            Q6h => Some(6),
            Prn(hours) => Some(hours),
            _ => None,
        }
    }

    /// Whether it is given when needed.
    pub fn is_prn(self) -> bool {
        matches!(self, Prn(_))
    }
}

/// One formulary item: what a pocket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The local code, as ZPM-6.1 carries it.
    pub code: &'static str,
    /// The name on the shelf.
    pub name: &'static str,
    /// The unit in which it is counted.
    pub unit: &'static str,
    /// How much drug one unit holds, amount and unit; none where orders are by unit.
    pub strength: Option<(&'static str, &'static str)>,
    /// The units of the doses that are ordered.
    pub doses: &'static [&'static str],
    /// How it may be ordered.
    pub timings: &'static [Timing],
    /// The route (HL7 table 0162).
    pub route: &'static str,
    /// Whether a second person must see it leave.
    pub witness: bool,
    /// Its schedule as a controlled drug, where a register of it is kept.
    pub schedule: Option<&'static str>,
    /// Whether it may leave without an order when somebody gives a reason.
    pub override_allowed: bool,
    /// Whether no other item has the same active substance, so that a VTM names only this one.
    pub alone: bool,
}

const fn item(
    code: &'static str,
    name: &'static str,
    unit: &'static str,
    strength: Option<(&'static str, &'static str)>,
    doses: &'static [&'static str],
    timings: &'static [Timing],
) -> Item {
    Item {
        code,
        name,
        unit,
        strength,
        doses,
        timings,
        route: "PO",
        witness: false,
        schedule: None,
        override_allowed: false,
        alone: true,
    }
}

impl Item {
    const fn by(mut self, route: &'static str) -> Self {
        self.route = route;
        self
    }

    const fn witnessed(mut self) -> Self {
        self.witness = true;
        self
    }

    const fn registered(mut self) -> Self {
        self.schedule = Some("2");
        self.witnessed()
    }

    const fn on_override(mut self) -> Self {
        self.override_allowed = true;
        self
    }

    const fn not_alone(mut self) -> Self {
        self.alone = false;
        self
    }

    /// The amount of drug in one unit, where doses are by mass.
    pub fn strength(&self) -> Option<(Decimal, &'static str)> {
        self.strength.map(|(amount, unit)| (decimal(amount), unit))
    }

    /// How much drug so many units hold, in the unit of the strength; the units themselves where
    /// orders are by unit.
    pub(crate) fn amount(&self, units: Decimal) -> Decimal {
        self.strength().map_or(units, |(amount, _)| amount * units)
    }

    /// The doses, in units.
    pub fn dose_units(&self) -> Vec<Decimal> {
        self.doses.iter().map(|dose| decimal(dose)).collect()
    }

    /// Where the item stands in the formulary.
    fn rank(&self) -> usize {
        FORMULARY.iter().position(|other| other.code == self.code).unwrap_or(FORMULARY.len())
    }

    /// The invented dm+d number of the virtual medicinal product.
    pub fn vmp(&self) -> String {
        format!("9990{:04}990", self.rank() + 1)
    }

    /// An invented trade item number of its pack: GTIN-13 from 20 to 29 are a shop's own and never
    /// on a real pack of a medicine (GS1 General Specifications §1.4.4).
    pub fn barcode(&self) -> String {
        let stem = format!("020{:010}", self.rank() + 1);
        let weights = [3, 1].into_iter().cycle();
        let digits = stem.chars().filter_map(|digit| digit.to_digit(10));
        let sum: u32 = digits.zip(weights).map(|(digit, weight)| digit * weight).sum();
        format!("{stem}{}", (10 - sum % 10) % 10)
    }

    /// The invented dm+d number of the virtual therapeutic moiety.
    pub fn vtm(&self) -> String {
        let name = self.name.split_whitespace().next().unwrap_or_default();
        let first = FORMULARY.iter().position(|other| other.name.starts_with(name)).unwrap_or(0);
        format!("9991{:04}990", first + 1)
    }
}

/// An exact number out of the table below.
pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect("the formulary writes its numbers as decimals")
}

/// The item of a local code.
pub fn find(code: &str) -> Option<&'static Item> {
    FORMULARY.iter().find(|item| item.code == code)
}

const MG: &str = "mg";

/// Everything that the wards keep.
pub static FORMULARY: [Item; 26] = [
    item(
        "PARA500",
        "Paracetamol 500 mg tablets",
        "tablet",
        Some(("500", MG)),
        &["1", "2"],
        &[Qds, Q6h, Prn(4)],
    )
    .on_override(),
    item("IBUP400", "Ibuprofen 400 mg tablets", "tablet", Some(("400", MG)), &["1"], &[Tds])
        .on_override(),
    item("AMOX500", "Amoxicillin 500 mg capsules", "capsule", Some(("500", MG)), &["1"], &[Tds]),
    item(
        "FLUC500",
        "Flucloxacillin 500 mg capsules",
        "capsule",
        Some(("500", MG)),
        &["1", "2"],
        &[Qds],
    ),
    item("COAM625", "Co-amoxiclav 500/125 tablets", "tablet", None, &["1"], &[Tds]),
    item(
        "OMEP20",
        "Omeprazole 20 mg capsules",
        "capsule",
        Some(("20", MG)),
        &["1", "2"],
        &[Od, Bd],
    ),
    item("RAMI5", "Ramipril 5 mg capsules", "capsule", Some(("5", MG)), &["1"], &[Od]),
    item("BISO25", "Bisoprolol 2.5 mg tablets", "tablet", Some(("2.5", MG)), &["1", "2"], &[Od]),
    item("FURO40", "Furosemide 40 mg tablets", "tablet", Some(("40", MG)), &["1", "2"], &[Od, Bd]),
    item("ATOR20", "Atorvastatin 20 mg tablets", "tablet", Some(("20", MG)), &["1", "2"], &[Od]),
    item("METF500", "Metformin 500 mg tablets", "tablet", Some(("500", MG)), &["1", "2"], &[Bd]),
    item("AMLO5", "Amlodipine 5 mg tablets", "tablet", Some(("5", MG)), &["1", "2"], &[Od]),
    item("CLOP75", "Clopidogrel 75 mg tablets", "tablet", Some(("75", MG)), &["1"], &[Od]),
    item("ASPI75", "Aspirin 75 mg soluble tablets", "tablet", Some(("75", MG)), &["1"], &[Od])
        .on_override(),
    item("ENOX40", "Enoxaparin 40 mg syringes", "syringe", Some(("40", MG)), &["1"], &[Od])
        .by("SC"),
    item(
        "ONDA4",
        "Ondansetron 4 mg/2 ml ampoules",
        "ampoule",
        Some(("4", MG)),
        &["1", "2"],
        &[Tds, Prn(8)],
    )
    .by("IV")
    .on_override(),
    item("CYCL50", "Cyclizine 50 mg tablets", "tablet", Some(("50", MG)), &["1"], &[Tds, Prn(8)])
        .on_override(),
    item(
        "SALB25",
        "Salbutamol 2.5 mg nebules",
        "nebule",
        Some(("2.5", MG)),
        &["1", "2"],
        &[Qds, Q6h, Prn(4)],
    )
    .by("IH")
    .on_override(),
    item("PRED5", "Prednisolone 5 mg tablets", "tablet", Some(("5", MG)), &["6", "8"], &[Od]),
    item(
        "LEVO100",
        "Levothyroxine 100 microgram tablets",
        "tablet",
        Some(("100", "microgram")),
        &["1"],
        &[Od],
    ),
    item("LACT", "Lactulose oral solution", "ml", None, &["15", "20"], &[Bd]),
    item(
        "MORPH10",
        "Morphine sulfate 10 mg/1 ml ampoules",
        "ampoule",
        Some(("10", MG)),
        &["1"],
        &[Prn(4), Q6h],
    )
    .by("SC")
    .registered()
    .not_alone(),
    item(
        "MORSOL",
        "Morphine sulfate 10 mg/5 ml oral solution",
        "ml",
        Some(("2", MG)),
        &["2.5", "5"],
        &[Prn(4)],
    )
    .not_alone(),
    item(
        "OXYC5",
        "Oxycodone 5 mg capsules",
        "capsule",
        Some(("5", MG)),
        &["1", "2"],
        &[Q6h, Prn(4)],
    )
    .registered(),
    item("MIDA10", "Midazolam 10 mg/2 ml ampoules", "ampoule", Some(("10", MG)), &["1"], &[Prn(4)])
        .by("SC")
        .witnessed(),
    item("DIAZ5", "Diazepam 5 mg tablets", "tablet", Some(("5", MG)), &["1", "2"], &[Prn(8)]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_vtms_shared_only_where_said() {
        let distinct = |codes: Vec<String>| codes.into_iter().collect::<HashSet<_>>().len();
        assert_eq!(distinct(FORMULARY.iter().map(Item::vmp).collect()), FORMULARY.len());
        for item in &FORMULARY {
            let sharing = FORMULARY.iter().filter(|other| other.vtm() == item.vtm()).count();
            assert_eq!(sharing == 1, item.alone, "{}", item.code);
            assert!(item.dose_units().iter().all(|units| *units > Decimal::ZERO));
            assert!(item.strength().is_none_or(|(amount, _)| amount > Decimal::ZERO));
            assert!(!item.timings.is_empty());
            assert!(item.vmp().ends_with("990"), "the partition identifier is 99");
        }
    }

    #[test]
    fn some_need_a_witness_and_none_of_these_leaves_on_override() {
        let witnessed: Vec<&Item> = FORMULARY.iter().filter(|item| item.witness).collect();
        assert!(witnessed.len() >= 3);
        assert!(witnessed.iter().all(|item| !item.override_allowed));
    }
}
