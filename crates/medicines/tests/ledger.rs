//! Whatever happens in whatever order: stock is neither made nor lost, and what left is somewhere.

mod hospital;
#[expect(dead_code, reason = "memory is lost in one way here, and nothing is sent twice")]
#[path = "hospital/steps.rs"]
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use fhir::Id;
use fhir::types::Identifier;
use hospital::*;
use jiff::{SignedDuration, Timestamp};
use medicines::cabinet::TransactionCode;
use medicines::cases::CaseKind;
use medicines::controlled::{Line, Place, lines};
use medicines::orders::Control;
use medicines::stock::{Account, TransferState};
use medicines::{Fact, Request, State};
use proptest::prelude::*;
use rust_decimal::Decimal;
use steps::{
    ITEM, Step, View, books, check_balances, check_pending, check_shortages, request, step,
};

impl View for Hospital {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn anna(&self) -> Id {
        self.anna_id()
    }

    fn consignment(&self) -> Option<Id> {
        self.state.consignments().map(|sent| sent.transfer.id.clone()).min()
    }

    fn is_known(&self, place: &Account) -> bool {
        self.state.pocket(place, ITEM).is_some()
    }

    fn is_registered(&self) -> bool {
        self.state.is_registered(ITEM)
    }
}

fn run(steps: &[Step]) -> Hospital {
    let mut hospital = Hospital::new();
    for step in steps {
        match step {
            Step::Wait(minutes) => {
                hospital.now += SignedDuration::from_mins(i64::from(*minutes));
                hospital.tick();
            }
            Step::Restart(_) => hospital = hospital.restarted(),
            step => {
                let Some(request) = request(step, &hospital) else { continue };
                let answer = hospital.ask(request);
                if matches!(step, Step::Counted(_)) {
                    assert_ne!(answer.code(), "parked", "a ward can be counted");
                }
            }
        }
    }
    hospital
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
        check_balances(&hospital.facts, |account| hospital.state.lines(account, ITEM))?;
    }

    #[test]
    fn the_register_equals_the_ledger(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.control(ITEM);
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
            let page = hospital.state.page(place, ITEM).map(|page| page.balance);
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
        hospital.control(ITEM);
        for (key, page) in hospital.state.pages() {
            let asked = page.due.is_some() || page.case.is_some();
            prop_assert!(asked || page.balance.is_zero(), "{} is never counted", key);
        }
        hospital.now += SignedDuration::from_hours(8 * 24);
        hospital.tick();
        for (key, page) in hospital.state.pages() {
            prop_assert!(page.due.is_none_or(|due| due > hospital.now), "{}", key);
            prop_assert!(page.case.is_some() || page.balance.is_zero(), "{} is overdue", key);
        }
    }

    #[test]
    fn no_place_is_short_without_a_case(steps in proptest::collection::vec(step(), 1..40)) {
        let hospital = run(&steps);
        check_shortages(&hospital.facts)?;
    }

    #[test]
    fn what_is_pending_ends(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.now += SignedDuration::from_hours(48);
        hospital.tick();
        check_pending(&hospital.facts)?;
        let watched: BTreeSet<_> = hospital
            .state
            .open_cases()
            .filter(|case| case.kind == CaseKind::Consignment)
            .filter_map(|case| case.removal.clone())
            .collect();
        for consignment in hospital.state.consignments() {
            let id = &consignment.transfer.id;
            prop_assert!(watched.contains(id), "{} is on its way for ever", id);
            let balance = hospital.state.balance(&Account::Transit(id.clone()), ITEM);
            prop_assert_eq!(balance, consignment.left);
        }
    }

    #[test]
    fn every_unit_in_hands_is_watched(steps in proptest::collection::vec(step(), 1..40)) {
        let mut hospital = run(&steps);
        hospital.now += SignedDuration::from_hours(3);
        hospital.tick();
        let cases: Vec<_> = hospital.state.open_cases().cloned().collect();
        for account in accounts(&hospital.facts) {
            let Account::Hands(removal) = &account else { continue };
            let open = hospital.state.balance(&account, ITEM) > Decimal::ZERO;
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
            steps.iter().filter(|step| !matches!(step, Step::Restart(_))).cloned().collect();
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
