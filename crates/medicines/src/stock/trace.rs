//! Who had a batch: a reading of an item's transfers.

use std::collections::BTreeMap;

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Account, Basis, Lines, Movement, Transfer, TransferState};

/// Something that happened with a batch, or may have happened with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The transfer.
    pub transfer: Id,
    /// What kind of act it was: a removal, a dose, a supply.
    pub movement: Movement,
    /// The patient, where there is one.
    pub patient: Option<Id>,
    /// How much, in the item's unit: of the batch where that is certain, else all of the act.
    pub quantity: Decimal,
    /// Where it left.
    pub from: Account,
    /// When it was done.
    pub activity: Timestamp,
    /// The staff number of the person who did it.
    pub person: String,
    /// Whether it was this batch for certain. Otherwise the place held the batch, or an unknown
    /// one, and nobody told which one was taken.
    pub certain: bool,
}

/// Follows one batch of an item through its transfers, in the order in which they were told.
#[derive(Debug)]
pub struct Trace {
    batch: String,
    held: BTreeMap<Account, Lines>,
    /// The hands that hold the batch, for certain or perhaps.
    hands: BTreeMap<Account, bool>,
    found: Vec<Exposure>,
}

impl Trace {
    /// Follows `batch`.
    pub fn new(batch: &str) -> Self {
        let (held, hands) = (BTreeMap::new(), BTreeMap::new());
        Trace { batch: batch.to_owned(), held, hands, found: Vec::new() }
    }

    /// Takes the next transfer of the item.
    pub fn take(&mut self, moved: &Transfer) {
        if moved.state != TransferState::Posted {
            return;
        }
        if let Some((certain, quantity)) = self.involves(moved) {
            self.note(moved, certain, quantity);
        }
        for (batch, quantity) in moved.parts() {
            self.held.entry(moved.from.clone()).or_default().add(batch, -quantity);
            self.held.entry(moved.to.clone()).or_default().add(batch, quantity);
        }
    }

    /// Whether the batch may be among what moves, whether that is certain, and how much.
    fn involves(&self, moved: &Transfer) -> Option<(bool, Decimal)> {
        if let Some(certain) = self.hands.get(&moved.from) {
            return Some((*certain, moved.quantity));
        }
        let batch = Some(self.batch.as_str());
        let of: Decimal =
            moved.parts().filter(|(of, _)| *of == batch).map(|(_, quantity)| quantity).sum();
        let known = moved.basis == Basis::Known;
        if of > Decimal::ZERO && known {
            return Some((true, of));
        }
        let unknown = moved.parts().any(|(of, _)| of.is_none());
        let open = of > Decimal::ZERO || unknown || !known;
        let held = self.held.get(&moved.from);
        let there = held.is_some_and(|lines| lines.of(batch) > Decimal::ZERO);
        (open && (there || unknown)).then_some((false, moved.quantity))
    }

    fn note(&mut self, moved: &Transfer, certain: bool, quantity: Decimal) {
        if let Account::Hands(_) = &moved.to
            && moved.movement == Movement::Removal
        {
            self.hands.insert(moved.to.clone(), certain);
        }
        let reaches =
            matches!(moved.to, Account::Hands(_) | Account::Patient(_) | Account::TakeHome(_));
        if reaches && moved.movement != Movement::Relabel {
            self.found.push(Exposure {
                transfer: moved.id.clone(),
                movement: moved.movement,
                patient: moved.patient.clone(),
                quantity,
                from: moved.from.clone(),
                activity: moved.activity,
                person: moved.person.clone(),
                certain,
            });
        }
    }

    /// What was found, in the order in which it was told.
    pub fn into_found(self) -> Vec<Exposure> {
        self.found
    }
}
