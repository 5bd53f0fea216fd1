//! What the property tests of the ledger do at random: every verb that moves stock, in any order,
//! late and again. The engine's own test runs the steps on files.

use std::collections::BTreeMap;

use fhir::Id;
use fhir::types::Identifier;
use jiff::{SignedDuration, Timestamp};
use medicines::cabinet::{Bin, TransactionCode};
use medicines::cases::CaseKind;
use medicines::controlled::{
    self, ControlledAct, CountDeed, Deed, Entering, Place, ReceiveDeed, Schedule, Second,
};
use medicines::orders::Control;
use medicines::stock::{
    Account, Destination, Lines, RecallNotice, Receipt, StockAct, StockCount, TransferState,
};
use medicines::{Fact, Request, Site};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::hospital::{
    ANNA, ORDER, administration, asked, movement, order_message, site, transaction,
};

/// What everything happens to.
pub(crate) const ITEM: &str = "PARA500";

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Order(Control, u8),
    Vend(Option<u8>, u8),
    Ask(u8),
    Return(u8, bool),
    Waste(u8),
    Pocket(Act),
    Stock(Spot, Spot, u8, Option<u8>),
    Arrives(u8, bool),
    Counted(u8),
    Recall(u8, bool),
    Give(u8, u8),
    Wait(u16),
    /// The item becomes a controlled drug of which a register is kept.
    Control,
    /// Memory is lost, or more than that: what it is depends on who runs the steps.
    Restart(u8),
    /// An earlier message is sent once more.
    Again(u8),
}

/// What a cabinet tells of a pocket: the code, how much, what it counted, where, when.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    code: TransactionCode,
    amount: u8,
    expected: Option<u8>,
    actual: Option<u8>,
    total: Option<u8>,
    lot: Option<u8>,
    bin: Bin,
    pocket: u8,
    /// How many minutes before now it was done; a device that was cut off tells it late.
    late: u8,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Spot {
    Pharmacy,
    Ward,
    Robot,
    Supplier,
    Own,
    TakeHome,
    Pocket(u8),
    Cabinet,
    Sent,
    Waste,
}

fn act() -> impl Strategy<Value = Act> {
    use TransactionCode as Code;
    let code = prop_oneof![
        Just(Code::Vend),
        Just(Code::Return),
        Just(Code::Waste),
        Just(Code::Load),
        Just(Code::Unload),
        Just(Code::Fill),
        Just(Code::EmptyBin),
        Just(Code::Expired),
        Just(Code::Destroy),
        Just(Code::Count),
        Just(Code::Adjust),
        Just(Code::Null),
    ];
    let bin = prop_oneof![
        6 => Just(Bin::Pocket), 1 => Just(Bin::Return), 1 => Just(Bin::PatientSpecific)
    ];
    let count = || proptest::option::weighted(0.3, 0..30u8);
    let lot = proptest::option::weighted(0.5, 1..4u8);
    let late = prop_oneof![3 => Just(0), 1 => 1..90u8];
    (code, 0..8u8, count(), count(), count(), lot, bin, (0..3u8, late)).prop_map(
        |(code, amount, expected, actual, total, lot, bin, (pocket, late))| Act {
            code,
            amount,
            expected,
            actual,
            total,
            lot,
            bin,
            pocket,
            late,
        },
    )
}

fn spot() -> impl Strategy<Value = Spot> {
    prop_oneof![
        Just(Spot::Pharmacy),
        Just(Spot::Ward),
        Just(Spot::Robot),
        Just(Spot::Supplier),
        Just(Spot::Own),
        Just(Spot::TakeHome),
        (0..3u8).prop_map(Spot::Pocket),
        Just(Spot::Cabinet),
        Just(Spot::Sent),
        Just(Spot::Waste),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let control = prop_oneof![
        Just(Control::New),
        Just(Control::Change),
        Just(Control::Hold),
        Just(Control::Resume),
        Just(Control::Stop),
        Just(Control::Cancel),
    ];
    prop_oneof![
        1 => (control, 1..4u8).prop_map(|(control, order)| Step::Order(control, order)),
        1 => (proptest::option::of(1..4u8), 0..4u8).prop_map(|(order, n)| Step::Vend(order, n)),
        1 => (1..4u8).prop_map(Step::Ask),
        1 => (1..4u8, any::<bool>()).prop_map(|(n, bin)| Step::Return(n, bin)),
        1 => (1..4u8).prop_map(Step::Waste),
        6 => act().prop_map(Step::Pocket),
        2 => (spot(), spot(), 1..9u8, proptest::option::of(1..4u8))
            .prop_map(|(from, to, units, lot)| Step::Stock(from, to, units, lot)),
        1 => (1..9u8, any::<bool>()).prop_map(|(units, all)| Step::Arrives(units, all)),
        1 => (0..20u8).prop_map(Step::Counted),
        1 => (1..4u8, any::<bool>()).prop_map(|(lot, lift)| Step::Recall(lot, lift)),
        1 => (1..4u8, 1..4u8).prop_map(|(order, n)| Step::Give(order, n)),
        1 => (1..240u16).prop_map(Step::Wait),
        1 => Just(Step::Control),
        1 => (0..4u8).prop_map(Step::Restart),
        1 => any::<u8>().prop_map(Step::Again),
    ]
}

/// What a step has to know of what happened before it.
pub(crate) trait View {
    /// The time.
    fn now(&self) -> Timestamp;
    /// The patient's id.
    fn anna(&self) -> Id;
    /// The first consignment that is on its way.
    fn consignment(&self) -> Option<Id>;
    /// Whether a place was told of.
    fn is_known(&self, place: &Account) -> bool;
    /// Whether a register of the item is kept.
    fn is_registered(&self) -> bool;
}

/// What a step asks; nothing where it is about time, memory or an earlier request.
pub(crate) fn request(step: &Step, view: &impl View) -> Option<Request> {
    let now = view.now();
    let item = ITEM.to_owned();
    Some(match step {
        Step::Order(control, n) => {
            let number = format!("700{n}");
            let message = order_message(now, ANNA, *control, &number, &item, Some("P1"));
            Request::Orders(vec![message])
        }
        Step::Vend(order, n) => {
            let mut vend = transaction(TransactionCode::Vend, now, i64::from(*n));
            vend.order = order.map(|order| Identifier::of(ORDER, &format!("700{order}")));
            told(vend, view)
        }
        Step::Ask(n) => Request::Remove(Box::new(asked(&item, i64::from(*n)))),
        Step::Return(n, bin) => {
            let mut back = transaction(TransactionCode::Return, now, i64::from(*n));
            back.bin = if *bin { Bin::Return } else { Bin::Pocket };
            told(back, view)
        }
        Step::Waste(n) => told(transaction(TransactionCode::Waste, now, i64::from(*n)), view),
        Step::Pocket(act) => Request::Transaction(Box::new(of_act(act, now))),
        Step::Stock(from, to, units, lot) => {
            let act = StockAct::Move(shift(view, *from, *to, *units, *lot));
            Request::Stock(Box::new(act))
        }
        Step::Arrives(units, complete) => {
            let consignment = view.consignment()?;
            let (quantity, complete) = (Decimal::from(*units), *complete);
            if view.is_registered() {
                let deed = ReceiveDeed { consignment, quantity, complete };
                return Some(entered(Deed::Receive(deed), "N2", now));
            }
            let (person, witness, activity) = ("N1".into(), None, now);
            let receipt = Receipt { consignment, quantity, complete, person, witness, activity };
            Request::Stock(Box::new(StockAct::Receive(receipt)))
        }
        Step::Counted(found) => {
            let place = Account::WardStock("WARDA".into());
            let found = Decimal::from(*found);
            if view.is_registered() {
                let place = Place::of(&place).expect("a ward has a register");
                return Some(entered(Deed::Count(CountDeed { place, item, found }), "N1", now));
            }
            let (person, witness, activity) = ("N1".into(), None, now);
            let count = StockCount { place, item, found, person, witness, activity };
            Request::Stock(Box::new(StockAct::Count(count)))
        }
        Step::Recall(lot, lift) => {
            let (batch, reason) = (format!("L{lot}"), "EL(26)A/1".into());
            let notice = RecallNotice { item, batch, reason, person: "N1".into() };
            let act = if *lift { StockAct::Lift } else { StockAct::Recall };
            Request::Stock(Box::new(act(notice)))
        }
        Step::Give(order, n) => {
            let given = administration(now, &format!("700{order}"), i64::from(*n));
            Request::Administer(vec![given])
        }
        Step::Control => Request::Configure(Box::new(controlled_site())),
        Step::Wait(_) | Step::Restart(_) | Step::Again(_) => return None,
    })
}

/// The small hospital, where a register is kept of the item.
fn controlled_site() -> Site {
    let mut site = site();
    let item = site.items.iter_mut().find(|item| item.code == ITEM).expect("the item");
    item.controlled = Some(Schedule::Two);
    site
}

/// An act with a controlled drug, by somebody who was alone.
fn entered(deed: Deed, person: &str, activity: Timestamp) -> Request {
    let act = controlled::Act { deed, person: person.to_owned(), activity };
    let second = Some(Second::Alone("night".to_owned()));
    let entering = Entering { act, second, client: "ward-tablet".to_owned() };
    Request::Controlled(Box::new(ControlledAct::Enter(entering)))
}

/// A pocket that was never told of holds 100.
fn told(mut transaction: medicines::cabinet::Transaction, view: &impl View) -> Request {
    if !view.is_known(&transaction.place()) {
        transaction.expected = Some(100.into());
    }
    Request::Transaction(Box::new(transaction))
}

fn of_act(act: &Act, now: Timestamp) -> medicines::cabinet::Transaction {
    let at = now - SignedDuration::from_mins(i64::from(act.late));
    let mut told = transaction(act.code, at, i64::from(act.amount));
    told.address.pocket = act.pocket.to_string();
    (told.expected, told.actual) = (act.expected.map(Into::into), act.actual.map(Into::into));
    told.total = act.total.map(Into::into);
    (told.bin, told.batch) = (act.bin, act.lot.map(|lot| format!("L{lot}")));
    told
}

fn shift(
    view: &impl View,
    from: Spot,
    to: Spot,
    units: u8,
    lot: Option<u8>,
) -> medicines::stock::Move {
    let (now, anna) = (view.now(), view.anna());
    let account = |place| match place {
        Spot::Pharmacy => Account::Pharmacy,
        Spot::Ward | Spot::Sent | Spot::Cabinet => Account::WardStock("WARDA".into()),
        Spot::Robot => Account::Robot("ROWA1".into()),
        Spot::Supplier => Account::Supplier,
        Spot::Own => Account::OwnDrugs(anna.clone()),
        Spot::TakeHome => Account::TakeHome(anna.clone()),
        Spot::Pocket(n) => {
            let mut told = transaction(TransactionCode::Null, now, 0);
            told.address.pocket = n.to_string();
            told.place()
        }
        Spot::Waste => Account::Waste,
    };
    let destination = match to {
        Spot::Cabinet => Destination::Cabinet("ADC/WARDA1".into()),
        to => Destination::Place(account(to)),
    };
    let mut told = movement(now, account(from), destination, ITEM, i64::from(units));
    told.sent = matches!(to, Spot::Sent);
    told.batch = lot.map(|lot| format!("L{lot}"));
    told.expiry = lot.map(|lot| jiff::civil::date(2027, i8::try_from(lot).expect("a month"), 28));
    told
}

/// What the facts alone say of each account: by place and batch.
pub(crate) type Books = BTreeMap<(Account, Option<String>), Decimal>;

pub(crate) fn books(facts: &[Fact]) -> Books {
    let mut books = Books::new();
    for fact in facts {
        let Fact::Moved(moved) = fact else { continue };
        if moved.state != TransferState::Posted {
            continue;
        }
        let whole: Decimal = moved.parts().map(|(_, quantity)| quantity).sum();
        assert_eq!(whole, moved.quantity, "the batches of a transfer make up the whole");
        for (batch, quantity) in moved.parts() {
            assert!(quantity > Decimal::ZERO);
            let batch = batch.map(str::to_owned);
            *books.entry((moved.from.clone(), batch.clone())).or_default() -= quantity;
            *books.entry((moved.to.clone(), batch)).or_default() += quantity;
        }
    }
    books
}

/// Each batch sums to zero over all places, what the state holds is the sum of the facts, and no
/// place that is counted holds less than nothing.
pub(crate) fn check_balances(
    facts: &[Fact],
    lines: impl Fn(&Account) -> Lines,
) -> Result<(), TestCaseError> {
    let books = books(facts);
    let mut sums: BTreeMap<&Option<String>, Decimal> = BTreeMap::new();
    for ((_, batch), quantity) in &books {
        *sums.entry(batch).or_default() += quantity;
    }
    for (batch, sum) in sums {
        prop_assert_eq!(sum, Decimal::ZERO, "{:?}", batch);
    }
    for ((account, batch), sum) in &books {
        let folded = lines(account).of(batch.as_deref());
        prop_assert_eq!(folded, *sum, "{} {:?}", account, batch);
        prop_assert!(
            *sum >= Decimal::ZERO || !account.is_counted(),
            "{} {:?}: {}",
            account,
            batch,
            sum
        );
    }
    Ok(())
}

/// What nobody can say where it came from has a case in the same entry, or is the difference that
/// a late movement explains.
pub(crate) fn check_shortages(facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut open = Decimal::ZERO;
    for fact in facts {
        match fact {
            Fact::CaseOpened(case)
                if matches!(case.kind, CaseKind::Discrepancy | CaseKind::UnmatchedTransaction) =>
            {
                open += case.quantity.unwrap_or_default().abs();
            }
            Fact::Moved(moved) if matches!(moved.from, Account::Discrepancy(_)) => {
                open -= moved.quantity;
            }
            Fact::Moved(moved) if matches!(moved.to, Account::Discrepancy(_)) => {
                open += moved.quantity;
            }
            _ => {}
        }
    }
    prop_assert!(open >= Decimal::ZERO, "{} came from nowhere without a case", -open);
    Ok(())
}

/// What was permitted was used or lapsed, each permit once.
pub(crate) fn check_pending(facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut pending = std::collections::BTreeSet::new();
    for fact in facts {
        let Fact::Moved(moved) = fact else { continue };
        match moved.state {
            TransferState::Pending { .. } => {
                prop_assert!(pending.insert(&moved.id), "{} is permitted twice", moved.id);
            }
            TransferState::Voided => prop_assert!(pending.remove(&moved.id)),
            TransferState::Posted => {
                pending.remove(&moved.id);
            }
        }
    }
    prop_assert_eq!(pending.len(), 0);
    Ok(())
}
