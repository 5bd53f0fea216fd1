//! Whatever happens in whatever order: stock is neither made nor lost, and what left is somewhere.

mod hospital;

use std::collections::{BTreeMap, BTreeSet};

use fhir::types::Identifier;
use hospital::*;
use medicines::cabinet::{Bin, TransactionCode};
use medicines::cases::CaseKind;
use medicines::controlled::{
    self, ControlledAct, CountDeed, Deed, Entering, Line, Place, Second, lines,
};
use medicines::orders::Control;
use medicines::stock::{
    Account, Destination, RecallNotice, Receipt, StockAct, StockCount, TransferState,
};
use medicines::{Answer, Fact, Request, State};
use proptest::prelude::*;
use rust_decimal::Decimal;

#[derive(Debug, Clone)]
enum Step {
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
    Control,
    Restart,
}

/// What a cabinet tells of a pocket: the code, how much, what it counted, where, when.
#[derive(Debug, Clone)]
struct Act {
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
enum Spot {
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

fn place() -> impl Strategy<Value = Spot> {
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

fn step() -> impl Strategy<Value = Step> {
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
        2 => (place(), place(), 1..9u8, proptest::option::of(1..4u8))
            .prop_map(|(from, to, units, lot)| Step::Stock(from, to, units, lot)),
        1 => (1..9u8, any::<bool>()).prop_map(|(units, all)| Step::Arrives(units, all)),
        1 => (0..20u8).prop_map(Step::Counted),
        1 => (1..4u8, any::<bool>()).prop_map(|(lot, lift)| Step::Recall(lot, lift)),
        1 => (1..4u8, 1..4u8).prop_map(|(order, n)| Step::Give(order, n)),
        1 => (1..240u16).prop_map(Step::Wait),
        1 => Just(Step::Control),
        1 => Just(Step::Restart),
    ]
}

fn run(steps: &[Step]) -> Hospital {
    let mut hospital = Hospital::new();
    for step in steps {
        if matches!(step, Step::Control) {
            hospital.control("PARA500");
            continue;
        }
        let now = hospital.now;
        match step {
            Step::Order(control, n) => drop(hospital.order(*control, &format!("700{n}"))),
            Step::Vend(order, n) => {
                let order = order.map(|order| format!("700{order}"));
                hospital.vend(order.as_deref(), i64::from(*n));
            }
            Step::Ask(n) => drop(hospital.remove(i64::from(*n))),
            Step::Return(n, bin) => {
                let mut back = transaction(TransactionCode::Return, now, i64::from(*n));
                back.bin = if *bin { Bin::Return } else { Bin::Pocket };
                hospital.transact(back);
            }
            Step::Waste(n) => {
                hospital.transact(transaction(TransactionCode::Waste, now, i64::from(*n)));
            }
            Step::Pocket(act) => tell(&mut hospital, act),
            Step::Stock(from, to, units, lot) => {
                drop(shift(&mut hospital, *from, *to, *units, *lot));
            }
            Step::Arrives(units, complete) => {
                let sent: Vec<_> =
                    hospital.state.consignments().map(|c| c.transfer.id.clone()).collect();
                let Some(consignment) = sent.into_iter().min() else { continue };
                let (quantity, complete) = (Decimal::from(*units), *complete);
                let (person, witness, activity) = ("N1".into(), None, now);
                let receipt =
                    Receipt { consignment, quantity, complete, person, witness, activity };
                drop(hospital.stock(StockAct::Receive(receipt)));
            }
            Step::Counted(found) => {
                let place = Account::WardStock("WARDA".into());
                let (item, found) = ("PARA500".into(), Decimal::from(*found));
                let (person, witness, activity) = ("N1".into(), None, now);
                let count = StockCount { place, item, found, person, witness, activity };
                counted(&mut hospital, count);
            }
            Step::Recall(lot, lift) => {
                let notice = RecallNotice {
                    item: "PARA500".into(),
                    batch: format!("L{lot}"),
                    reason: "EL(26)A/1".into(),
                    person: "N1".into(),
                };
                let act = if *lift { StockAct::Lift } else { StockAct::Recall };
                drop(hospital.stock(act(notice)));
            }
            Step::Give(order, n) => {
                hospital.give(&format!("700{order}"), i64::from(*n));
            }
            Step::Wait(minutes) => {
                let later = now + jiff::SignedDuration::from_mins(i64::from(*minutes));
                hospital.now = later;
                hospital.tick();
            }
            Step::Control => {}
            Step::Restart => hospital = hospital.restarted(),
        }
    }
    hospital
}

/// A registered item is counted in its register.
fn counted(hospital: &mut Hospital, count: StockCount) {
    if !hospital.state.is_registered(&count.item) {
        hospital.stock(StockAct::Count(count)).expect("a ward can be counted");
        return;
    }
    let place = Place::of(&count.place).expect("a ward");
    let deed = CountDeed { place, item: count.item, found: count.found };
    let (person, activity) = (count.person, count.activity);
    let act = controlled::Act { deed: Deed::Count(deed), person, activity };
    let second = Some(Second::Alone("night".into()));
    let entering = Entering { act, second, client: "ward-tablet".into() };
    let told = ControlledAct::Enter(entering);
    let answer = hospital.ask(Request::Controlled(Box::new(told)));
    assert!(matches!(answer, Answer::Created(_)), "a ward can be counted: {answer:?}");
}

fn tell(hospital: &mut Hospital, act: &Act) {
    let at = hospital.now - jiff::SignedDuration::from_mins(i64::from(act.late));
    let mut told = transaction(act.code, at, i64::from(act.amount));
    told.address.pocket = act.pocket.to_string();
    (told.expected, told.actual) = (act.expected.map(Into::into), act.actual.map(Into::into));
    told.total = act.total.map(Into::into);
    (told.bin, told.batch) = (act.bin, act.lot.map(|lot| format!("L{lot}")));
    hospital.ask(Request::Transaction(Box::new(told)));
}

fn shift(
    hospital: &mut Hospital,
    from: Spot,
    to: Spot,
    units: u8,
    lot: Option<u8>,
) -> Result<fhir::Id, String> {
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).expect("Anna");
    let account = |place| match place {
        Spot::Pharmacy => Account::Pharmacy,
        Spot::Ward | Spot::Sent | Spot::Cabinet => Account::WardStock("WARDA".into()),
        Spot::Robot => Account::Robot("ROWA1".into()),
        Spot::Supplier => Account::Supplier,
        Spot::Own => Account::OwnDrugs(anna.clone()),
        Spot::TakeHome => Account::TakeHome(anna.clone()),
        Spot::Pocket(n) => {
            let mut told = transaction(TransactionCode::Null, hospital.now, 0);
            told.address.pocket = n.to_string();
            told.place()
        }
        Spot::Waste => Account::Waste,
    };
    let destination = match to {
        Spot::Cabinet => Destination::Cabinet("ADC/WARDA1".into()),
        to => Destination::Place(account(to)),
    };
    let mut told = movement(hospital.now, account(from), destination, "PARA500", i64::from(units));
    told.sent = matches!(to, Spot::Sent);
    told.batch = lot.map(|lot| format!("L{lot}"));
    told.expiry = lot.map(|lot| jiff::civil::date(2027, i8::try_from(lot).expect("a month"), 28));
    hospital.stock(StockAct::Move(told))
}

/// What the transfers enter on each page, from the facts alone.
fn register(facts: &[Fact]) -> BTreeMap<Place, Vec<Line>> {
    let mut register: BTreeMap<Place, Vec<Line>> = BTreeMap::new();
    let mut taken = BTreeMap::new();
    for fact in facts {
        let Fact::Moved(moved) = fact else { continue };
        let from = match &moved.from {
            Account::Hands(removal) => taken.get(removal),
            _ => None,
        };
        for line in lines(moved, from) {
            register.entry(line.place.clone()).or_default().push(line);
        }
        taken.insert(moved.id.clone(), moved.from.clone());
    }
    register
}

/// What the facts alone say of each account: by place and batch.
type Books = BTreeMap<(Account, Option<String>), Decimal>;

fn books(facts: &[Fact]) -> Books {
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

fn accounts(facts: &[Fact]) -> Vec<Account> {
    let mut accounts: Vec<_> = books(facts).into_keys().map(|(account, _)| account).collect();
    accounts.dedup();
    accounts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_ledger_holds(steps in proptest::collection::vec(step(), 1..40)) {
        let hospital = run(&steps);
        let books = books(&hospital.facts);
        let mut sums: BTreeMap<&Option<String>, Decimal> = BTreeMap::new();
        for ((_, batch), quantity) in &books {
            *sums.entry(batch).or_default() += quantity;
        }
        for (batch, sum) in sums {
            prop_assert_eq!(sum, Decimal::ZERO, "{:?}", batch);
        }
        for ((account, batch), sum) in &books {
            let folded = hospital.state.lines(account, "PARA500").of(batch.as_deref());
            prop_assert_eq!(folded, *sum, "{} {:?}", account, batch);
            prop_assert!(
                *sum >= Decimal::ZERO || !account.is_counted(), "{} {:?}: {}", account, batch, sum
            );
        }
    }

    #[test]
    fn the_register_equals_the_ledger(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.control("PARA500");
        let register = register(&hospital.facts);
        let mut ledger: BTreeMap<Place, Decimal> = BTreeMap::new();
        for ((account, _), quantity) in books(&hospital.facts) {
            if let Some(place) = Place::of(&account) {
                *ledger.entry(place).or_default() += quantity;
            }
        }
        for (place, balance) in &ledger {
            let entered: Decimal =
                register.get(place).into_iter().flatten().map(Line::change).sum();
            prop_assert_eq!(entered, *balance, "{}", place);
            let page = hospital.state.page(place, "PARA500").map(|page| page.balance);
            prop_assert_eq!(page.unwrap_or_default(), *balance, "{}", place);
        }
        for (place, lines) in &register {
            let counted = Place::account(place).is_none_or(|account| account.is_counted());
            let mut balance = Decimal::ZERO;
            for line in lines {
                balance += line.change();
                prop_assert!(balance >= Decimal::ZERO || !counted, "{} {}", place, balance);
            }
        }
    }

    #[test]
    fn every_page_that_holds_something_is_to_be_counted(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let mut hospital = run(&steps);
        hospital.control("PARA500");
        for (key, page) in hospital.state.pages() {
            let asked = page.due.is_some() || page.case.is_some();
            prop_assert!(asked || page.balance.is_zero(), "{} is never counted", key);
        }
        hospital.now += jiff::SignedDuration::from_hours(8 * 24);
        hospital.tick();
        for (key, page) in hospital.state.pages() {
            prop_assert!(page.due.is_none_or(|due| due > hospital.now), "{}", key);
            prop_assert!(page.case.is_some() || page.balance.is_zero(), "{} is overdue", key);
        }
    }

    #[test]
    fn no_place_is_short_without_a_case(steps in proptest::collection::vec(step(), 1..40)) {
        let hospital = run(&steps);
        // What nobody can say where it came from has a case in the same entry, or is the
        // difference that a late movement explains.
        let mut open = Decimal::ZERO;
        for fact in &hospital.facts {
            match fact {
                Fact::CaseOpened(case) if case.kind == CaseKind::Discrepancy
                    || case.kind == CaseKind::UnmatchedTransaction =>
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
    }

    #[test]
    fn what_is_pending_ends(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.now += jiff::SignedDuration::from_hours(48);
        hospital.tick();
        let mut pending = BTreeSet::new();
        for fact in &hospital.facts {
            let Fact::Moved(moved) = fact else { continue };
            match moved.state {
                TransferState::Pending { .. } => {
                    prop_assert!(pending.insert(&moved.id), "{} is permitted twice", moved.id);
                }
                TransferState::Voided => prop_assert!(pending.remove(&moved.id)),
                TransferState::Posted => { pending.remove(&moved.id); }
            }
        }
        prop_assert_eq!(pending.len(), 0);
        let watched: BTreeSet<_> = hospital
            .state
            .open_cases()
            .filter(|case| case.kind == CaseKind::Consignment)
            .filter_map(|case| case.removal.clone())
            .collect();
        for consignment in hospital.state.consignments() {
            let id = &consignment.transfer.id;
            prop_assert!(watched.contains(id), "{} is on its way for ever", id);
            let balance = hospital.state.balance(&Account::Transit(id.clone()), "PARA500");
            prop_assert_eq!(balance, consignment.left);
        }
    }

    #[test]
    fn every_unit_in_hands_is_watched(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.now += jiff::SignedDuration::from_hours(3);
        hospital.tick();
        let cases: Vec<_> = hospital.state.open_cases().cloned().collect();
        for account in accounts(&hospital.facts) {
            let Account::Hands(removal) = &account else { continue };
            let open = hospital.state.balance(&account, "PARA500") > Decimal::ZERO;
            let watched = cases.iter().any(|case| {
                case.removal.as_ref() == Some(removal) && case.reason == "not-accounted-for"
            });
            prop_assert_eq!(open, watched, "{}", account);
        }
    }

    #[test]
    fn nothing_is_permitted_without_a_live_order_or_a_case(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let hospital = run(&steps);
        for fact in &hospital.facts {
            let Fact::Moved(transfer) = fact else { continue };
            if matches!(transfer.state, TransferState::Pending { .. }) {
                prop_assert!(transfer.order.is_some() || transfer.case.is_some());
            }
        }
    }

    #[test]
    fn the_rows_do_not_depend_on_restarts(steps in proptest::collection::vec(step(), 1..30)) {
        let calm: Vec<Step> =
            steps.iter().filter(|step| !matches!(step, Step::Restart)).cloned().collect();
        prop_assert_eq!(run(&steps).rows(), run(&calm).rows());
    }
}

#[test]
fn an_identifier_of_two_patients_is_never_guessed() {
    let mut hospital = Hospital::new();
    hospital.admit(BELA, "V2", "WARDA");
    hospital.order(Control::New, "7001");
    let mut vend = transaction(TransactionCode::Vend, hospital.now, 2);
    vend.patient.push(Identifier::of(NHS, BELA));
    let answer = hospital.ask(Request::Transaction(Box::new(vend)));
    assert_eq!(answer.code(), "parked");
    let _: &State = &hospital.state;
}
