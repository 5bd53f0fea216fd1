//! No removal without a live, verified order of that patient for that medicine, or a case.

use medicines::cases::{Case, CaseKind};
use medicines::stock::{Transfer, TransferState};

use super::Report;
use super::facts::Told;

const RULE: &str = "a removal without authority";

/// Reasons of a case that say that no live order covered the removal.
const NOT_LIVE: [&str; 8] = [
    "no-order",
    "unknown-order",
    "order-of-another-patient",
    "item-not-of-order",
    "on-hold",
    "stopped",
    "not-started",
    "not-verified",
];

/// Judges a removal or a permit when the journal first tells of it, by the versions of its order
/// that were stored before.
pub(super) fn judge(told: &Told, removal: &Transfer, opened: &[&Case], report: &mut Report) {
    let reviewed = opened.iter().any(|case| {
        let kind = matches!(case.kind, CaseKind::Override | CaseKind::DispensedWithoutOrder);
        kind && case.removal.as_ref() == Some(&removal.id)
    });
    if reviewed {
        for case in opened {
            if NOT_LIVE.contains(&case.reason.as_str()) && covered(told, removal).is_ok() {
                report.wrong("a case without a cause", || format!("{} {}", case.id, case.reason));
            }
        }
        return;
    }
    if removal.case.is_some() {
        report.wrong(RULE, || format!("{}: its case was not opened with it", removal.id));
    }
    if removal.state == TransferState::Voided {
        report.wrong(RULE, || format!("{}: voided before it was permitted", removal.id));
    }
    if let Err(why) = covered(told, removal) {
        report.wrong(RULE, || format!("{}: {why}", removal.id));
    }
}

fn covered(told: &Told, removal: &Transfer) -> Result<(), String> {
    let order = removal.order.as_ref().ok_or("it names no order")?;
    let versions = told.orders.get(order.as_str()).ok_or("its order is not stored")?;
    let in_force = versions.iter().rev().find(|version| version.told <= removal.activity);
    let version = in_force.ok_or_else(|| format!("{order} was entered later"))?;
    if version.status != "active" {
        return Err(format!("{order} was {}", version.status));
    }
    if !version.verified {
        return Err(format!("{order} was not verified"));
    }
    let names = told.items.get(&removal.item);
    if names.is_none_or(|names| names.is_disjoint(&version.codes)) {
        return Err(format!("{order} is for another medicine than {}", removal.item));
    }
    let patient = removal.patient.as_ref().map(|id| told.survivor(id));
    if patient.as_deref() != Some(&told.survivor(&version.patient)) {
        return Err(format!("{order} is another patient's"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fhir::Id;
    use jiff::Timestamp;
    use medicines::stock::{Account, Movement};

    use super::*;
    use crate::trial::day::facts::OrderVersion;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-20T{text}:00Z").parse().unwrap()
    }

    fn told(versions: &[(&str, &str, bool)]) -> Told {
        let version = |(told, status, verified): &(&str, &str, bool)| OrderVersion {
            told: at(told),
            status: (*status).to_owned(),
            verified: *verified,
            patient: "p2".to_owned(),
            codes: ["322236009".to_owned()].into(),
        };
        let codes = ["PARA500", "322236009"].map(str::to_owned);
        Told {
            orders: [("o1".to_owned(), versions.iter().map(version).collect())].into(),
            items: [("PARA500".to_owned(), codes.into())].into(),
            merged: [("p2".to_owned(), "p1".to_owned())].into(),
            ..Told::default()
        }
    }

    fn removal(order: Option<&str>, time: &str) -> Transfer {
        let id = |text: &str| Id::new(text).unwrap();
        Transfer {
            id: id("r1"),
            movement: Movement::Removal,
            item: "PARA500".to_owned(),
            batch: None,
            lots: vec![],
            basis: medicines::stock::Basis::default(),
            expiry: None,
            cost: None,
            towards: None,
            quantity: 2.into(),
            unit: "tablet".to_owned(),
            dose: None,
            from: Account::Pharmacy,
            to: Account::Hands(id("r1")),
            state: TransferState::Posted,
            patient: Some(id("p1")),
            order: order.map(id),
            case: None,
            cabinet: None,
            person: "N1001".to_owned(),
            witness: None,
            activity: at(time),
        }
    }

    fn check(told: &Told, removal: &Transfer, opened: &[&Case], expected: &[(&str, u64)]) {
        let mut report = Report::default();
        judge(told, removal, opened, &mut report);
        let wrong: Vec<(&str, u64)> = report.wrong.into_iter().collect();
        assert_eq!(wrong, expected, "{:?}", report.words);
    }

    #[test]
    fn only_a_live_verified_order_of_the_patient_covers_a_removal() {
        let life = [
            ("08:00", "active", false),
            ("09:00", "active", true),
            ("12:00", "on-hold", true),
            ("13:00", "stopped", true),
        ];
        let told = told(&life);
        check(&told, &removal(Some("o1"), "10:00"), &[], &[]);
        let wrong = [(RULE, 1)];
        for time in ["07:00", "08:30", "12:30", "14:00"] {
            check(&told, &removal(Some("o1"), time), &[], &wrong);
        }
        check(&told, &removal(None, "10:00"), &[], &wrong);
        check(&told, &removal(Some("o2"), "10:00"), &[], &wrong);
        let mut other = removal(Some("o1"), "10:00");
        other.patient = Some(Id::new("p3").unwrap());
        check(&told, &other, &[], &wrong);
        let mut other = removal(Some("o1"), "10:00");
        other.item = "MORPH10".to_owned();
        check(&told, &other, &[], &wrong);
    }

    #[test]
    fn a_case_takes_the_place_of_an_order_and_needs_its_cause() {
        let case: Case = serde_json::from_value(serde_json::json!({
            "id": "c1", "kind": "dispensed-without-order", "reason": "stopped",
            "opened": "2026-11-20T14:00:00Z", "entry": 1, "removal": "r1", "text": "",
        }))
        .unwrap();
        let told = told(&[("09:00", "active", true), ("13:00", "stopped", true)]);
        let mut taken = removal(Some("o1"), "14:00");
        taken.case = Some(case.id.clone());
        check(&told, &taken, &[&case], &[]);
        check(&told, &taken, &[], &[(RULE, 2)]);
        taken.activity = at("10:00");
        check(&told, &taken, &[&case], &[("a case without a cause", 1)]);
    }
}
