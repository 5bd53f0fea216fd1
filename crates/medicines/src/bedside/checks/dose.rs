//! Right dose: what was scanned comes to the dose, what is over is wasted, less has a reason.

use rust_decimal::Decimal;

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};

/// How far a measured volume may be from the ordered one, in hundredths; pieces are exact.
const TOLERANCE_PERCENT: i64 = 5;

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let (given, scanned, wasted) = (bedside.given(), bedside.scanned, bedside.scan.wasted);
    // Why a dose cannot be told is found with the time and the maximum.
    let Some(dose) = bedside.dose else { return Vec::new() };
    let measured = bedside.item.unit.eq_ignore_ascii_case("ml");
    let spare =
        if measured { dose.exact * Decimal::new(TOLERANCE_PERCENT, 2) } else { Decimal::ZERO };
    if given > dose.exact + spare {
        return found("dose", "more-than-dose", Outcome::Block, "This is more than one dose.");
    }
    if given.is_sign_negative() || given + wasted > scanned {
        let text = "More is given and wasted than was scanned: scan what is used.";
        return found("dose", "more-than-scanned", Outcome::Block, text);
    }
    let mut findings = Vec::new();
    if given + wasted < scanned {
        let text = "More was scanned than is given: say how much is wasted.";
        findings.extend(found("dose", "waste-missing", Outcome::Block, text));
    }
    if given < dose.exact - spare {
        let short = scanned < dose.taken && bedside.scan.given.is_none();
        findings.push(if short {
            let text = "This is not the whole dose yet: scan the rest, or give a part of it.";
            Finding::new("dose", "more-to-scan", Outcome::Warn, text)
        } else if bedside.scan.reason.is_none() {
            let text = "Less than the dose is given: say why.";
            Finding::new("dose", "reason-missing", Outcome::Block, text)
        } else {
            let text = "Less than the dose is given.";
            Finding::new("dose", "partial-dose", Outcome::Warn, text)
        });
    }
    if wasted > Decimal::ZERO && bedside.item.needs_witness() {
        let text = "What is wasted of this medicine needs a second person.";
        let finding = Finding::new("dose", "waste-witness", Outcome::BlockWithWitness, text);
        findings.push(finding);
    }
    findings
}
