//! Codes of dm+d that decide something, as types.

use std::fmt;

/// The five kinds of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Virtual therapeutic moiety: a substance or a combination of substances.
    Vtm,
    /// Virtual medicinal product: strength and form.
    Vmp,
    /// Actual medicinal product: what a supplier makes of it.
    Amp,
    /// Virtual medicinal product pack.
    Vmpp,
    /// Actual medicinal product pack: what is bought, and has a GTIN.
    Ampp,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Vtm => "VTM",
            Self::Vmp => "VMP",
            Self::Amp => "AMP",
            Self::Vmpp => "VMPP",
            Self::Ampp => "AMPP",
        })
    }
}

/// CONTROL_DRUG_CATEGORY: the schedule of the Misuse of Drugs Regulations 2001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlledDrug {
    /// 0000: no controlled drug.
    None,
    /// 0001: schedule 1, under licence only.
    Schedule1,
    /// 0002: schedule 2.
    Schedule2,
    /// 0003: schedule 2, exempt from safe custody.
    Schedule2NoSafeCustody,
    /// 0004: schedule 3, no register.
    Schedule3,
    /// 0005: schedule 3, no register, exempt from safe custody.
    Schedule3NoSafeCustody,
    /// 0006: schedule 3, phenobarbital.
    Schedule3Phenobarbital,
    /// 0007: schedule 3, temazepam.
    Schedule3Temazepam,
    /// 0008: schedule 4 part II, anabolic.
    Schedule4Anabolic,
    /// 0009: schedule 4 part I, benzodiazepines.
    Schedule4Benzodiazepine,
    /// 0010: schedule 5.
    Schedule5,
    /// A code that this version does not know: to be handled like schedule 2.
    Unknown(u8),
}

impl ControlledDrug {
    /// The category of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::Schedule1,
            2 => Self::Schedule2,
            3 => Self::Schedule2NoSafeCustody,
            4 => Self::Schedule3,
            5 => Self::Schedule3NoSafeCustody,
            6 => Self::Schedule3Phenobarbital,
            7 => Self::Schedule3Temazepam,
            8 => Self::Schedule4Anabolic,
            9 => Self::Schedule4Benzodiazepine,
            10 => Self::Schedule5,
            other => Self::Unknown(other),
        }
    }

    /// The number of the schedule; `None` without one. An unknown code counts as 2.
    pub fn schedule(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Schedule1 => Some(1),
            Self::Schedule2 | Self::Schedule2NoSafeCustody | Self::Unknown(_) => Some(2),
            Self::Schedule3
            | Self::Schedule3NoSafeCustody
            | Self::Schedule3Phenobarbital
            | Self::Schedule3Temazepam => Some(3),
            Self::Schedule4Anabolic | Self::Schedule4Benzodiazepine => Some(4),
            Self::Schedule5 => Some(5),
        }
    }

    /// Whether a register has to be kept (Misuse of Drugs Regulations 2001, regulation 19:
    /// schedules 1 and 2). A trust may keep one of more.
    pub fn needs_register(self) -> bool {
        matches!(self.schedule(), Some(1 | 2))
    }

    /// Whether it has to be locked away (Misuse of Drugs (Safe Custody) Regulations 1973, with
    /// the exemptions that the categories name).
    pub fn needs_safe_custody(self) -> bool {
        matches!(
            self,
            Self::Schedule1
                | Self::Schedule2
                | Self::Schedule3
                | Self::Schedule3Temazepam
                | Self::Unknown(_)
        )
    }
}

/// VIRTUAL_PRODUCT_PRES_STATUS: whether and how a VMP may be prescribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrescribingStatus {
    /// 0001.
    Valid,
    /// 0002: not to be prescribed in primary care.
    InvalidInPrimaryCare,
    /// 0003: only the actual products are to be prescribed.
    OnlyActual,
    /// 0004: never valid.
    NeverValid,
    /// 0005: not recommended as a generic.
    NotRecommended,
    /// 0006: brands are not bioequivalent.
    NotBioequivalent,
    /// 0007: patients are trained on one brand.
    PatientTraining,
    /// 0008: no published specification.
    NoSpecification,
    /// A code that this version does not know, or none.
    Unknown(u8),
}

impl PrescribingStatus {
    /// The status of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Valid,
            2 => Self::InvalidInPrimaryCare,
            3 => Self::OnlyActual,
            4 => Self::NeverValid,
            5 => Self::NotRecommended,
            6 => Self::NotBioequivalent,
            7 => Self::PatientTraining,
            8 => Self::NoSpecification,
            other => Self::Unknown(other),
        }
    }

    /// Whether an order has to name the brand: 0003 and 0006. A product of one supplier is then
    /// not given for that of another.
    pub fn forces_brand(self) -> bool {
        matches!(self, Self::OnlyActual | Self::NotBioequivalent)
    }
}

/// DF_INDICATOR: how doses are measured out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DoseForm {
    /// 1: by the piece.
    Discrete,
    /// 2: by volume or weight.
    Continuous,
    /// 3: dm+d says that it does not apply.
    NotApplicable,
    /// A code that this version does not know, or none.
    Unknown(u8),
}

impl DoseForm {
    /// The indicator of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Discrete,
            2 => Self::Continuous,
            3 => Self::NotApplicable,
            other => Self::Unknown(other),
        }
    }
}

/// AVAILABILITY_RESTRICTION: how an actual product can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// 0001: not restricted.
    Unrestricted,
    /// 0002.
    Restricted,
    /// 0003: for one patient.
    IndividualPatient,
    /// 0004: imported.
    Imported,
    /// 0005: clinical trial.
    ClinicalTrial,
    /// 0006: special.
    Special,
    /// 0007: made up when ordered.
    Extemporaneous,
    /// 0008: hospitals only.
    HospitalOnly,
    /// 0009: not to be had.
    NotAvailable,
    /// A code that this version does not know, or none.
    Unknown(u8),
}

impl Availability {
    /// The restriction of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Unrestricted,
            2 => Self::Restricted,
            3 => Self::IndividualPatient,
            4 => Self::Imported,
            5 => Self::ClinicalTrial,
            6 => Self::Special,
            7 => Self::Extemporaneous,
            8 => Self::HospitalOnly,
            9 => Self::NotAvailable,
            other => Self::Unknown(other),
        }
    }
}

/// LEGAL_CATEGORY of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegalCategory {
    /// 0001: general sale.
    GeneralSale,
    /// 0002: pharmacy only.
    Pharmacy,
    /// 0003: prescription only.
    PrescriptionOnly,
    /// 0004: not a medicine in law.
    NotApplicable,
    /// A code that this version does not know, or none.
    Unknown(u8),
}

impl LegalCategory {
    /// The category of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::GeneralSale,
            2 => Self::Pharmacy,
            3 => Self::PrescriptionOnly,
            4 => Self::NotApplicable,
            other => Self::Unknown(other),
        }
    }
}

/// What the digits before the check digit of a made-up id are. In a SNOMED CT identifier they say
/// which kind of component it is, and only 00, 01, 02, 10, 11 and 12 are in use, so that no real
/// product can ever have such an id (SNOMED CT Technical Implementation Guide, SCTID).
const SYNTHETIC_PARTITION: u64 = 99;

/// Whether an id was made up for demonstrations and tests: the two digits before its last are 99.
pub fn is_synthetic(id: u64) -> bool {
    id / 10 % 100 == SYNTHETIC_PARTITION
}

/// The made-up id of a number, below 10^15: the number, 99, and a 0.
pub fn synthetic_id(number: u64) -> u64 {
    number % 1_000_000_000_000_000 * 1000 + SYNTHETIC_PARTITION * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_custody() {
        // The table of domain rules: register for 1 to 3, safe custody for 1, 2, 4 and 7.
        let codes = |holds: fn(ControlledDrug) -> bool| {
            (0..=10).filter(|code| holds(ControlledDrug::from_code(*code))).collect::<Vec<u8>>()
        };
        assert_eq!(codes(ControlledDrug::needs_register), [1, 2, 3]);
        assert_eq!(codes(ControlledDrug::needs_safe_custody), [1, 2, 4, 7]);
        assert!(ControlledDrug::from_code(11).needs_register());
        assert_eq!(ControlledDrug::from_code(5).schedule(), Some(3));
    }

    #[test]
    fn brands() {
        let forced: Vec<u8> =
            (0..=9).filter(|code| PrescribingStatus::from_code(*code).forces_brand()).collect();
        assert_eq!(forced, [3, 6]);
    }

    #[test]
    fn synthetic_ids() {
        assert!(is_synthetic(synthetic_id(1)) && is_synthetic(synthetic_id(4_000_123)));
        // Paracetamol 500mg tablets, and a product in the dm+d namespace.
        assert!(!is_synthetic(42_109_611_000_001_109) && !is_synthetic(322_236_009));
    }
}
