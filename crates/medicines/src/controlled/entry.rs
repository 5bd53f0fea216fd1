//! An entry of a register as it is shown.

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use super::fact::{Count, Seen};
use super::place::Place;
use crate::Zone;
use crate::stock::{Account, Movement, Transfer};

/// What an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// What was there when Interlock came.
    Opening,
    /// Bought, or received from another place.
    Received,
    /// Supplied to another place, or sent off to one.
    Supplied,
    /// Taken out for a patient.
    Removed,
    /// Given to a patient; where it was taken out before, the balance stays.
    Given,
    /// Put back.
    Returned,
    /// Wasted; where it was taken out before, the balance stays.
    Wasted,
    /// Put aside because its date has passed.
    Expired,
    /// Destroyed.
    Destroyed,
    /// Counted.
    Count,
    /// A difference that somebody found.
    Discrepancy,
    /// A correction of an earlier entry.
    Correction,
}

impl EntryKind {
    /// The kind as addresses and files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Opening => "opening",
            EntryKind::Received => "received",
            EntryKind::Supplied => "supplied",
            EntryKind::Removed => "removed",
            EntryKind::Given => "given",
            EntryKind::Returned => "returned",
            EntryKind::Wasted => "wasted",
            EntryKind::Expired => "expired",
            EntryKind::Destroyed => "destroyed",
            EntryKind::Count => "count",
            EntryKind::Discrepancy => "discrepancy",
            EntryKind::Correction => "correction",
        }
    }

    /// What a transfer is on the page of a place, into which it comes or out of which it goes.
    pub fn of(moved: &Transfer, comes_in: bool) -> EntryKind {
        match (&moved.from, &moved.to) {
            (Account::Opening, Account::OwnDrugs(_)) => EntryKind::Received,
            (Account::Opening, _) | (_, Account::Opening) => EntryKind::Opening,
            (Account::Discrepancy(_), _) | (_, Account::Discrepancy(_)) => EntryKind::Discrepancy,
            (Account::Expired | Account::OwnDrugs(_) | Account::TakeHome(_), Account::Waste) => {
                EntryKind::Destroyed
            }
            (_, Account::Waste) => EntryKind::Wasted,
            (_, Account::Patient(_)) => EntryKind::Given,
            (_, Account::Hands(_)) => EntryKind::Removed,
            (_, Account::Expired) if !comes_in => EntryKind::Expired,
            _ if moved.movement == Movement::Return => EntryKind::Returned,
            _ if comes_in => EntryKind::Received,
            _ => EntryKind::Supplied,
        }
    }
}

/// On whose authority something was taken or supplied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// The MedicationRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Id>,
    /// The number of the order, as its prescriber's system gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Who prescribed it: a number or a name, as the order says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prescriber: Option<String>,
    /// The requisition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requisition: Option<Id>,
}

/// One entry on a page. It never changes: what turns out to be wrong is corrected by a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterEntry {
    /// Its number on the page, from 1.
    pub number: u64,
    /// What it is of.
    pub kind: EntryKind,
    /// How much came in, in the item's unit.
    pub received: Decimal,
    /// How much went out.
    pub issued: Decimal,
    /// How much of what had gone out before was given, wasted or lost; what was found, for a
    /// count.
    pub handled: Decimal,
    /// What the page holds after it.
    pub balance: Decimal,
    /// From where it came or to where it went: an account, or a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<String>,
    /// The patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
    /// The order and its prescriber, or the requisition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// The staff number of the person who did it.
    pub actor: String,
    /// The staff number of the second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// How the second person stood by; absent where one was only named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<Seen>,
    /// Who carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messenger: Option<String>,
    /// The batches, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<String>,
    /// Why it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The transfer, count or correction that it shows.
    pub source: Id,
    /// The number of the journal entry that holds it.
    pub entry: u64,
    /// When it was done.
    pub occurred: Timestamp,
    /// When it was entered.
    pub entered: Timestamp,
    /// Whether it was entered on a later day than it was done.
    pub late: bool,
    /// The source of the entry that it corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction_of: Option<Id>,
    /// The sources of the later entries that correct this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrected_by: Vec<Id>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Count {
    /// What a count says in words.
    pub fn words(&self) -> String {
        let (found, expected) = (self.found.normalize(), self.expected.normalize());
        if found == expected {
            format!("counted {found}, as the ledger had it")
        } else {
            format!("counted {found}, where the ledger had {expected}")
        }
    }

    /// The place whose page has the count.
    pub fn place(&self) -> Option<Place> {
        Place::of(&self.account)
    }
}

/// How late an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lateness {
    /// On the day on which it was done.
    SameDay,
    /// On the next day, where it was not practicable before (Misuse of Drugs Regulations 2001,
    /// regulation 20).
    NextDay,
    /// Later than the law allows.
    Later,
}

/// How late something was entered, by the days of the site.
pub fn lateness(occurred: Timestamp, entered: Timestamp, zone: &Zone) -> Lateness {
    let (done, told) = (zone.day_of(occurred), zone.day_of(entered));
    match done.tomorrow() {
        _ if told <= done => Lateness::SameDay,
        Ok(next) if told == next => Lateness::NextDay,
        _ => Lateness::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_late_by_the_days_of_the_ward() {
        let check = |occurred: &str, entered: &str, expected: Lateness| {
            let at = |text: &str| text.parse::<Timestamp>().unwrap();
            assert_eq!(
                lateness(at(occurred), at(entered), &Zone::default()),
                expected,
                "{occurred} {entered}"
            );
        };
        check("2026-11-20T00:01:00Z", "2026-11-20T23:59:00Z", Lateness::SameDay);
        check("2026-11-20T23:59:00Z", "2026-11-21T00:01:00Z", Lateness::NextDay);
        check("2026-11-20T00:01:00Z", "2026-11-21T23:59:00Z", Lateness::NextDay);
        check("2026-11-20T23:59:00Z", "2026-11-22T00:01:00Z", Lateness::Later);
        // In summer the day begins an hour earlier than that of UTC.
        check("2026-07-01T22:30:00Z", "2026-07-01T23:30:00Z", Lateness::NextDay);
        check("2026-07-01T23:30:00Z", "2026-07-02T22:30:00Z", Lateness::SameDay);
        // A clock that runs ahead makes nothing late.
        check("2026-11-21T00:01:00Z", "2026-11-20T23:59:00Z", Lateness::SameDay);
    }
}
