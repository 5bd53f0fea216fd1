//! Every unit ends in one place; every item sums to zero; the pockets hold what they hold.

use std::collections::BTreeMap;
use std::path::Path;

use medicines::RowKind;
use medicines::stock::{Account, Movement, TransferState};
use rust_decimal::Decimal;

use super::{Report, TrialError, Truth};
use crate::trial::files::{JOURNAL, RECORD};

/// Balances by account and item.
type Balances = BTreeMap<(String, String), Decimal>;

pub(in crate::trial) fn check(
    report: &mut Report,
    truth: &Truth<'_>,
    data: &Path,
) -> Result<(), TrialError> {
    hands(report, truth);
    let balances = balances(truth);
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for ((_, item), balance) in &balances {
        *sums.entry(item).or_default() += balance;
    }
    for (item, sum) in sums.into_iter().filter(|(_, sum)| !sum.is_zero()) {
        report.wrong("an item does not sum to zero", || format!("{item}: {sum}"));
    }
    rows(report, &balances, data)?;
    pockets(report, truth, &balances);
    Ok(())
}

/// Every unit that was taken was given, wasted or put back, or an open case follows it.
fn hands(report: &mut Report, truth: &Truth<'_>) {
    const RULE: &str = "a unit does not end in one place";
    let mut gone: BTreeMap<&str, Decimal> = BTreeMap::new();
    for moved in truth.told.transfers.values() {
        let Account::Hands(removal) = &moved.from else { continue };
        if moved.state != TransferState::Posted {
            continue;
        }
        *gone.entry(removal.as_str()).or_default() += moved.quantity;
        let ends = matches!(
            (&moved.to, moved.movement),
            (Account::Patient(_), Movement::Administration)
                | (Account::Waste, Movement::Waste)
                | (Account::Pocket { .. } | Account::ReturnBin(_), Movement::Return)
        );
        if !ends {
            report.wrong(RULE, || format!("{}: {:?} to {}", moved.id, moved.movement, moved.to));
        }
    }
    for removal in truth.told.removals() {
        let left = removal.quantity - gone.remove(removal.id.as_str()).unwrap_or_default();
        let case = truth.told.unaccounted_case(&removal.id);
        if left.is_sign_negative() && !left.is_zero() {
            report.wrong(RULE, || format!("{}: {} too many left it", removal.id, -left));
        }
        match (left.is_zero(), case) {
            (false, None) => {
                report.wrong(RULE, || format!("{}: {left} are nowhere", removal.id));
            }
            (true, Some(case)) => {
                report.wrong(RULE, || format!("{}: {} is open for nothing", removal.id, case.id));
            }
            (false, Some(_)) => report.unaccounted += 1,
            (true, None) => {}
        }
    }
    for (removal, units) in gone {
        report.wrong(RULE, || format!("{units} left {removal}, which never happened"));
    }
}

fn balances(truth: &Truth<'_>) -> Balances {
    let mut balances = Balances::new();
    let posted = |moved: &&medicines::stock::Transfer| moved.state == TransferState::Posted;
    for moved in truth.told.transfers.values().filter(posted) {
        for (account, sign) in [(&moved.from, -Decimal::ONE), (&moved.to, Decimal::ONE)] {
            let key = (account.to_string(), moved.item.clone());
            *balances.entry(key).or_default() += sign * moved.quantity;
        }
    }
    balances
}

/// The balances that the record keeps are those of the journal's transfers.
fn rows(report: &mut Report, balances: &Balances, data: &Path) -> Result<(), TrialError> {
    const RULE: &str = "a balance on record is not the sum of its transfers";
    let site = journal::Reader::open(&data.join(JOURNAL)).map_err(|e| e.to_string())?;
    let record = record::Record::open(&data.join(RECORD), site.site());
    let record = record.map_err(|error| error.to_string())?;
    let mut kept = BTreeMap::new();
    let load = record.load_live(|row| {
        if row.kind == RowKind::Balance {
            let lines = serde_json::from_slice::<medicines::stock::Lines>(&row.body.json());
            kept.insert(row.key, lines.map(|lines| lines.total()).ok());
        }
    });
    load.map_err(|error| error.to_string())?;
    for (key, total) in kept {
        let Some((account, item)) = key.rsplit_once('|') else {
            report.wrong(RULE, || format!("the row {key} names no item"));
            continue;
        };
        let sum = balances.get(&(account.to_owned(), item.to_owned()));
        let sum = sum.copied().unwrap_or_default();
        if total != Some(sum) {
            report.wrong(RULE, || format!("{key}: {total:?}, not {sum}"));
        }
    }
    Ok(())
}

/// What the ledger says is in a cabinet is what is in it.
fn pockets(report: &mut Report, truth: &Truth<'_>, balances: &Balances) {
    let mut held: BTreeMap<(String, &str), Decimal> = BTreeMap::new();
    for ((account, item), balance) in balances {
        if let Ok(Account::Pocket { cabinet, .. }) = account.parse() {
            *held.entry((cabinet, item)).or_default() += balance;
        }
    }
    for ((cabinet, item), held) in held {
        let there = truth.book.pockets.get(&cabinet).and_then(|pockets| pockets.get(item));
        if there.is_none_or(|there| *there != held) {
            report.wrong("a pocket holds something else", || {
                format!("{cabinet} {item}: {held} on the books, {there:?} in it")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use estate::Book;
    use fhir::Id;
    use medicines::cases::Case;
    use medicines::stock::{PocketAddress, Transfer};

    use super::*;
    use crate::trial::day::facts::Told;
    use crate::trial::day::{Settings, Weather, site};

    fn pocket() -> Account {
        let address = PocketAddress { drawer: "1".into(), ..PocketAddress::default() };
        Account::Pocket { cabinet: "ADCA/WARDA1".to_owned(), address }
    }

    fn moved(id: &str, movement: Movement, units: i64, from: Account, to: Account) -> Transfer {
        Transfer {
            id: Id::new(id).unwrap(),
            movement,
            item: "PARA500".to_owned(),
            batch: None,
            lots: vec![],
            basis: medicines::stock::Basis::default(),
            expiry: None,
            cost: None,
            towards: None,
            quantity: units.into(),
            unit: "tablet".to_owned(),
            dose: None,
            from,
            to,
            state: TransferState::Posted,
            patient: None,
            order: None,
            case: None,
            cabinet: None,
            person: "N1001".to_owned(),
            witness: None,
            activity: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn hands() -> Account {
        Account::Hands(Id::new("r1").unwrap())
    }

    /// Four were loaded, two of them taken; what follows, whether a case is open, what is wrong.
    fn check_hands(after: &[Transfer], case: bool, held: i64, expected: &[&str]) {
        let loaded = moved("l1", Movement::Restock, 4, Account::Pharmacy, pocket());
        let taken = moved("r1", Movement::Removal, 2, pocket(), hands());
        let all = [loaded, taken].into_iter().chain(after.iter().cloned());
        let transfers = all.map(|moved| (moved.id.to_string(), moved)).collect();
        let mut told = Told { transfers, ..Told::default() };
        if case {
            let case: Case = serde_json::from_value(serde_json::json!({
                "id": "c1", "kind": "unaccounted-dose", "reason": "not-accounted-for",
                "opened": "2026-11-20T14:00:00Z", "entry": 1, "removal": "r1", "text": "",
            }))
            .unwrap();
            told.cases.insert(case.id.clone(), (case, true));
        }
        let mut book = Book::default();
        let pockets = book.pockets.entry("ADCA/WARDA1".to_owned()).or_default();
        pockets.insert("PARA500".to_owned(), held.into());
        let settings = Settings {
            seed: 1,
            speed: 1,
            hours: 1,
            wards: 1,
            beds: 1,
            weather: Weather::Calm,
            binary: std::path::PathBuf::new(),
            keep: false,
        };
        let truth = Truth { book: &book, site: site(&settings), told: &told };
        let mut report = Report::default();
        super::hands(&mut report, &truth);
        pockets_of(&mut report, &truth);
        let wrong: Vec<&str> = report.wrong.keys().copied().collect();
        assert_eq!(wrong, expected, "{:?}", report.words);
    }

    fn pockets_of(report: &mut Report, truth: &Truth<'_>) {
        pockets(report, truth, &balances(truth));
    }

    #[test]
    fn every_unit_ends_in_one_place() {
        let patient = || Account::Patient(Id::new("p1").unwrap());
        let given = |id, units| moved(id, Movement::Administration, units, hands(), patient());
        let back = |units| moved("b1", Movement::Return, units, hands(), pocket());
        let wrong = ["a unit does not end in one place"];
        check_hands(&[given("g1", 2)], false, 2, &[]);
        check_hands(&[given("g1", 1), back(1)], false, 3, &[]);
        check_hands(&[], true, 2, &[]);
        check_hands(&[given("g1", 1)], true, 2, &[]);
        check_hands(&[], false, 2, &wrong);
        check_hands(&[given("g1", 1)], false, 2, &wrong);
        check_hands(&[given("g1", 2), given("g2", 1)], false, 2, &wrong);
        check_hands(&[given("g1", 2)], true, 2, &wrong);
        let nowhere = moved("x1", Movement::Count, 2, hands(), Account::Pharmacy);
        check_hands(&[nowhere], false, 2, &wrong);
        check_hands(&[given("g1", 2)], false, 3, &["a pocket holds something else"]);
    }
}
