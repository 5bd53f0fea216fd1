//! What a transfer enters on which pages: the one rule from which the registers follow.

use rust_decimal::Decimal;

use super::place::Place;
use crate::stock::{Account, Movement, Transfer, TransferState};

/// What a transfer enters on the page of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The place; the item is the transfer's.
    pub place: Place,
    /// How much came in.
    pub received: Decimal,
    /// How much went out.
    pub issued: Decimal,
    /// How much of what had gone out before was given, wasted or lost: the balance stays.
    pub handled: Decimal,
}

impl Line {
    /// What the balance changes by.
    pub fn change(&self) -> Decimal {
        self.received - self.issued
    }
}

/// The lines that a transfer enters. `taken_from` is the account out of which the units in
/// somebody's hands were taken, for a transfer that moves them on.
///
/// A transfer that has not happened enters nothing, and neither does one inside a place, or one
/// that says of which batch the same units are. The sum of the changes of a page is the balance
/// of its place in the ledger.
pub fn lines(moved: &Transfer, taken_from: Option<&Account>) -> Vec<Line> {
    if moved.state != TransferState::Posted || moved.movement == Movement::Relabel {
        return Vec::new();
    }
    let (from, to) = (Place::of(&moved.from), Place::of(&moved.to));
    if from == to && from.is_some() {
        return Vec::new();
    }
    let line = |place: Place| Line {
        place,
        received: Decimal::ZERO,
        issued: Decimal::ZERO,
        handled: Decimal::ZERO,
    };
    let mut lines = Vec::new();
    if let Some(place) = from {
        lines.push(Line { issued: moved.quantity, ..line(place) });
    } else if matches!(moved.from, Account::Hands(_)) {
        // What comes back to its place is entered there as received.
        let taken = taken_from.and_then(Place::of).filter(|place| Some(place) != to.as_ref());
        lines.extend(taken.map(|place| Line { handled: moved.quantity, ..line(place) }));
    }
    if let Some(place) = to {
        lines.push(Line { received: moved.quantity, ..line(place) });
    }
    lines
}

#[cfg(test)]
mod tests {
    use fhir::Id;
    use jiff::Timestamp;

    use super::*;
    use crate::stock::Basis;

    fn transfer(movement: Movement, from: &str, to: &str) -> Transfer {
        Transfer {
            id: Id::new("t").unwrap(),
            movement,
            item: "MORPH10".into(),
            batch: None,
            lots: Vec::new(),
            basis: Basis::Known,
            expiry: None,
            cost: None,
            quantity: 3.into(),
            unit: "ampoule".into(),
            dose: None,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            state: TransferState::Posted,
            patient: None,
            towards: None,
            order: None,
            case: None,
            cabinet: None,
            person: "N1".into(),
            witness: None,
            activity: Timestamp::UNIX_EPOCH,
        }
    }

    /// The lines as `place +received -issued handled`.
    #[track_caller]
    fn check(moved: &Transfer, taken: &str, expected: &[&str]) {
        let taken = taken.parse().ok();
        let text = |line: Line| {
            format!("{} +{} -{} {}", line.place, line.received, line.issued, line.handled)
        };
        let found: Vec<_> = lines(moved, taken.as_ref()).into_iter().map(text).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_movement_has_its_lines() {
        use Movement as M;
        let pocket = "pocket:ADC/A:1::2";
        let of = transfer;
        check(&of(M::Transfer, "supplier", "pharmacy"), "", &["pharmacy +3 -0 0"]);
        check(&of(M::Transfer, "pharmacy", "transit:t"), "", &["pharmacy +0 -3 0"]);
        check(&of(M::Transfer, "transit:t", "ward:A"), "", &["ward:A +3 -0 0"]);
        let both = ["pharmacy +0 -3 0", "cabinet:ADC/A +3 -0 0"];
        check(&of(M::Restock, "pharmacy", pocket), "", &both);
        check(&of(M::Removal, pocket, "hands:h"), "", &["cabinet:ADC/A +0 -3 0"]);
        let given = of(M::Administration, "hands:h", "patient:p");
        check(&given, pocket, &["cabinet:ADC/A +0 -0 3"]);
        check(&given, "", &[]);
        check(&of(M::Waste, "hands:h", "waste"), pocket, &["cabinet:ADC/A +0 -0 3"]);
        check(&of(M::Return, "hands:h", "return-bin:ADC/A"), pocket, &["cabinet:ADC/A +3 -0 0"]);
        let elsewhere = ["cabinet:ADC/A +0 -0 3", "cabinet:ADC/B +3 -0 0"];
        check(&of(M::Return, "hands:h", "return-bin:ADC/B"), pocket, &elsewhere);
        check(&of(M::Count, "discrepancy:ADC/A", pocket), "", &["cabinet:ADC/A +3 -0 0"]);
        check(&of(M::Transfer, "opening", "own:p"), "", &["own:p +3 -0 0"]);
    }

    #[test]
    fn what_did_not_happen_or_changes_no_place_is_not_entered() {
        let pocket = "pocket:ADC/A:1::2";
        check(&transfer(Movement::Relabel, pocket, "relabelled"), "", &[]);
        check(&transfer(Movement::Restock, pocket, "return-bin:ADC/A"), "", &[]);
        let mut moved = transfer(Movement::Removal, pocket, "hands:t");
        moved.state = TransferState::Voided;
        check(&moved, "", &[]);
        moved.state = TransferState::Pending { expires: Timestamp::UNIX_EPOCH };
        check(&moved, "", &[]);
    }
}
