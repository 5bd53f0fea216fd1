//! Whatever happens in whatever order: stock is neither made nor lost, and what left is somewhere.

mod hospital;

use fhir::types::Identifier;
use hospital::*;
use medicines::cabinet::{Bin, TransactionCode};
use medicines::orders::Control;
use medicines::stock::{Account, TransferState};
use medicines::{Fact, Request, State};
use proptest::prelude::*;
use rust_decimal::Decimal;

#[derive(Debug, Clone)]
enum Step {
    Order(Control, u8),
    Vend(Option<u8>, u8),
    Ask(u8),
    Return(u8, bool),
    Waste(u8),
    Count(u8),
    Fill(u8),
    Null,
    Give(u8, u8),
    Wait(u16),
    Restart,
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
        (control, 1..4u8).prop_map(|(control, order)| Step::Order(control, order)),
        (proptest::option::of(1..4u8), 0..4u8).prop_map(|(order, n)| Step::Vend(order, n)),
        (1..4u8).prop_map(Step::Ask),
        (1..4u8, any::<bool>()).prop_map(|(n, bin)| Step::Return(n, bin)),
        (1..4u8).prop_map(Step::Waste),
        (90..110u8).prop_map(Step::Count),
        (1..20u8).prop_map(Step::Fill),
        Just(Step::Null),
        (1..4u8, 1..4u8).prop_map(|(order, n)| Step::Give(order, n)),
        (1..240u16).prop_map(Step::Wait),
        Just(Step::Restart),
    ]
}

fn run(steps: &[Step]) -> Hospital {
    let mut hospital = Hospital::new();
    for step in steps {
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
            Step::Count(n) => {
                let mut count = transaction(TransactionCode::Count, now, 0);
                count.actual = Some(Decimal::from(*n));
                hospital.transact(count);
            }
            Step::Fill(n) => {
                hospital.transact(transaction(TransactionCode::Fill, now, i64::from(*n)));
            }
            Step::Null => drop(hospital.transact(transaction(TransactionCode::Null, now, 0))),
            Step::Give(order, n) => {
                hospital.give(&format!("700{order}"), i64::from(*n));
            }
            Step::Wait(minutes) => {
                let later = now + jiff::SignedDuration::from_mins(i64::from(*minutes));
                hospital.now = later;
                hospital.tick();
            }
            Step::Restart => hospital = hospital.restarted(),
        }
    }
    hospital
}

/// The sum of an account over the facts alone.
fn sum(facts: &[Fact], account: &Account) -> Decimal {
    let posted = facts.iter().filter_map(|fact| match fact {
        Fact::Moved(transfer) if transfer.state == TransferState::Posted => Some(transfer),
        _ => None,
    });
    posted
        .map(|transfer| {
            let mut sum = Decimal::ZERO;
            if transfer.to == *account {
                sum += transfer.quantity;
            }
            if transfer.from == *account {
                sum -= transfer.quantity;
            }
            sum
        })
        .sum()
}

fn accounts(facts: &[Fact]) -> Vec<Account> {
    let mut accounts = Vec::new();
    for fact in facts {
        if let Fact::Moved(transfer) = fact {
            for account in [&transfer.from, &transfer.to] {
                if !accounts.contains(account) {
                    accounts.push(account.clone());
                }
            }
        }
    }
    accounts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_ledger_holds(steps in proptest::collection::vec(step(), 1..40)) {
        let hospital = run(&steps);
        let total: Decimal = hospital.ledger().values().sum();
        prop_assert_eq!(total, Decimal::ZERO);
        for account in accounts(&hospital.facts) {
            let folded = hospital.state.balance(&account, "PARA500");
            prop_assert_eq!(folded, sum(&hospital.facts, &account), "{}", account);
            if matches!(account, Account::Hands(_) | Account::Patient(_) | Account::Waste) {
                prop_assert!(folded >= Decimal::ZERO, "{} is {}", account, folded);
            }
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
