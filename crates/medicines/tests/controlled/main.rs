//! Controlled drugs: who stands by, what is counted, wasted, destroyed, supplied and received, and
//! what becomes of what does not add up.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod discrepancies;
#[path = "../hospital/mod.rs"]
mod hospital;

use access::{Person, Role};
use fhir::Id;
use hospital::*;
use jiff::SignedDuration;
use medicines::cabinet::{Coded, Staff, TransactionCode};
use medicines::cases::{CaseKind, Resolution};
use medicines::controlled::{
    Act, ControlledAct, ControlledFact, CorrectDeed, CountDeed, Deed, DestroyDeed,
    DiscrepancyStatus, Entering, Place, ReceiveDeed, RequisitionDeed, Schedule, Second, Seen,
    Signing, Step, SupplyDeed, TakeInDeed, WasteDeed,
};
use medicines::orders::Control;
use medicines::stock::{Account, Destination, Receipt, StockAct, StockCount};
use medicines::{Answer, Fact, Request};
use rust_decimal::Decimal;

const MORPHINE: &str = "MORPH10";

/// A hospital whose morphine is a controlled drug, with 20 of it on ward A.
fn hospital() -> Hospital {
    let mut hospital = Hospital::new();
    hospital.configure(|site| {
        let person = |id: &str, role| Person {
            id: id.into(),
            name: format!("Test, {id}"),
            role,
            training: vec![],
        };
        site.people.push(person("P2", Role::Pharmacist));
        site.people.push(person("G1", Role::Governance));
        site.controlled.accountable_officer = Some("G1".into());
        site.controlled.destruction_witnesses = vec!["P2".into()];
        let morphine = site.items.iter_mut().find(|item| item.code == MORPHINE).unwrap();
        morphine.witness = false;
    });
    hospital.control(MORPHINE);
    let ward = Destination::Place(Account::WardStock("WARDA".into()));
    let stock = movement(hospital.now, Account::Pharmacy, ward, MORPHINE, 20);
    hospital.stock(StockAct::Move(stock)).unwrap();
    hospital
}

fn ward() -> Place {
    Place::Ward("WARDA".into())
}

fn act(hospital: &Hospital, deed: Deed, person: &str) -> Act {
    Act { deed, person: person.into(), activity: hospital.now }
}

fn tell(hospital: &mut Hospital, act: ControlledAct) -> Result<Id, String> {
    match hospital.ask(Request::Controlled(Box::new(act))) {
        Answer::Created(ids) => Ok(ids[0].clone()),
        Answer::Done => Ok(Id::new("done").unwrap()),
        Answer::Parked(problem) => Err(problem.text),
        other => panic!("no answer to such an act: {other:?}"),
    }
}

fn sign(hospital: &mut Hospital, act: &Act, witness: &str, client: &str) -> Result<Id, String> {
    let (act, witness, client) = (act.clone(), witness.to_owned(), client.to_owned());
    tell(hospital, ControlledAct::Sign(Signing { act, witness, client }))
}

fn enter(hospital: &mut Hospital, act: Act, second: Option<Second>) -> Result<Id, String> {
    let client = "ward-tablet".to_owned();
    tell(hospital, ControlledAct::Enter(Entering { act, second, client }))
}

/// Signed by the witness at another client, and told.
fn both(hospital: &mut Hospital, deed: Deed, person: &str, witness: &str) -> Result<Id, String> {
    let act = act(hospital, deed, person);
    let signature = sign(hospital, &act, witness, "witness-tablet")?;
    enter(hospital, act, Some(Second::Signature(signature)))
}

fn alone(hospital: &mut Hospital, deed: Deed, person: &str) -> Result<Id, String> {
    let act = act(hospital, deed, person);
    enter(hospital, act, None)
}

fn count(place: Place, found: i64) -> Deed {
    Deed::Count(CountDeed { place, item: MORPHINE.into(), found: found.into() })
}

fn destroy(place: Place, quantity: i64) -> Deed {
    Deed::Destroy(DestroyDeed {
        place,
        item: MORPHINE.into(),
        quantity: quantity.into(),
        batch: None,
        denatured: Some("kit".into()),
        reason: "out of date".into(),
    })
}

fn wasted(removal: &Id, quantity: &str, given: Option<&str>) -> Deed {
    Deed::Waste(WasteDeed {
        removal: Some(removal.clone()),
        place: None,
        item: MORPHINE.into(),
        quantity: quantity.parse().unwrap(),
        given: given.map(|given| given.parse().unwrap()),
        reason: "part dose".into(),
        denatured: Some("kit".into()),
    })
}

fn balance(hospital: &Hospital, place: &str) -> Decimal {
    let page = hospital.state.page(&place.parse().unwrap(), MORPHINE);
    page.map(|page| page.balance).unwrap_or_default()
}

#[track_caller]
fn refused(answer: Result<Id, String>, part: &str) {
    let text = answer.expect_err("it is not to be entered");
    assert!(text.contains(part), "{text:?} does not say {part:?}");
}

#[track_caller]
fn cases(hospital: &Hospital, expected: &[(CaseKind, &str)]) {
    let found = hospital.open_cases();
    let found: Vec<_> = found.iter().map(|(kind, reason)| (*kind, reason.as_str())).collect();
    assert_eq!(found, expected);
}

/// Anna's removal of `units` ampoules at the cabinet, with a witness.
fn removal(hospital: &mut Hospital, units: i64) -> Id {
    hospital.order_for(ANNA, Control::New, "7100", MORPHINE, Some("P1"));
    let mut vend = transaction(TransactionCode::Vend, hospital.now, units);
    vend.item = Coded { code: MORPHINE.into(), text: String::new() };
    vend.unit = None;
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7100"));
    vend.witness = Some(Staff { id: "N2".into(), name: String::new() });
    hospital.transact(vend);
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    hospital.state.removals_of(&anna).last().unwrap().transfer.id.clone()
}

#[test]
fn a_witness_is_another_person_at_another_client_for_this_act_once_and_in_time() {
    let mut hospital = hospital();
    let counted = act(&hospital, count(ward(), 20), "N1");
    refused(enter(&mut hospital, counted.clone(), None), "needs a second person");
    refused(sign(&mut hospital, &counted, "N1", "x"), "another one");
    let case = hospital.state.open_cases().next().unwrap();
    assert_eq!(case.item.as_deref(), Some(MORPHINE));
    refused(sign(&mut hospital, &counted, "HCA", "x"), "role does not allow");
    refused(sign(&mut hospital, &counted, "NOBODY", "x"), "not on the staff list");
    cases(&hospital, &[(CaseKind::ControlledDrug, "witness-same-person")]);

    let here = sign(&mut hospital, &counted, "N2", "ward-tablet").unwrap();
    let same = enter(&mut hospital, counted.clone(), Some(Second::Signature(here)));
    refused(same, "another client");
    let signature = sign(&mut hospital, &counted, "N2", "witness-tablet").unwrap();
    let other = act(&hospital, count(ward(), 19), "N1");
    let second = || Some(Second::Signature(signature.clone()));
    refused(enter(&mut hospital, other, second()), "another act");
    let id = enter(&mut hospital, counted.clone(), second()).unwrap();
    let entered = hospital.facts.iter().find_map(|fact| match fact {
        Fact::Controlled(fact) => match &**fact {
            ControlledFact::Counted(count) if count.id == id => Some(count.clone()),
            _ => None,
        },
        _ => None,
    });
    let entered = entered.unwrap();
    assert_eq!(entered.witness.as_deref(), Some("N2"));
    assert_eq!(entered.seen, Some(Seen::Signed(signature.clone())));
    refused(enter(&mut hospital, counted.clone(), second()), "No signature of this number");

    let late = sign(&mut hospital, &counted, "N2", "witness-tablet").unwrap();
    hospital.now += SignedDuration::from_secs(300);
    refused(enter(&mut hospital, counted, Some(Second::Signature(late))), "has lapsed");
}

#[test]
fn a_signature_outlives_a_restart() {
    let mut hospital = hospital();
    let counted = act(&hospital, count(ward(), 20), "N1");
    let signature = sign(&mut hospital, &counted, "N2", "witness-tablet").unwrap();
    let mut hospital = hospital.restarted();
    enter(&mut hospital, counted, Some(Second::Signature(signature))).unwrap();
    assert_eq!(hospital.restarted().state.signatures().count(), 0);
}

#[test]
fn whoever_is_alone_says_why_and_a_case_looks_at_it() {
    let mut hospital = hospital();
    let counted = act(&hospital, count(ward(), 20), "N1");
    let blank = Some(Second::Alone(" ".into()));
    refused(enter(&mut hospital, counted.clone(), blank), "Say why");
    let reason = Some(Second::Alone("night, one nurse on the ward".into()));
    enter(&mut hospital, counted, reason).unwrap();
    cases(&hospital, &[(CaseKind::ControlledDrug, "sole-practitioner")]);
}

#[test]
fn a_count_that_differs_is_a_discrepancy_in_the_same_entry() {
    let mut hospital = hospital();
    both(&mut hospital, count(ward(), 18), "N1", "N2").unwrap();
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(18));
    cases(&hospital, &[(CaseKind::Discrepancy, "count-differs")]);
    let found: Vec<_> = hospital.state.open_cases().map(|case| case.id.clone()).collect();
    let known = hospital.state.discrepancy(&found[0]).unwrap();
    assert_eq!(known.status, DiscrepancyStatus::Open);
    assert_eq!((known.place.as_deref(), known.quantity), (Some("ward:WARDA"), Some((-2).into())));
    refused(
        both(&mut hospital, count(Place::Cabinet("ADC/WARDA1".into()), 1), "N1", "N2"),
        "at the",
    );
    refused(both(&mut hospital, count(ward(), -1), "N1", "N2"), "zero or more");
}

#[test]
fn the_first_count_of_the_pharmacy_begins_its_page() {
    let mut hospital = hospital();
    assert_eq!(balance(&hospital, "pharmacy"), Decimal::from(-20));
    both(&mut hospital, count(Place::Pharmacy, 100), "P1", "P2").unwrap();
    assert_eq!(balance(&hospital, "pharmacy"), Decimal::from(100));
    cases(&hospital, &[]);
    both(&mut hospital, count(Place::Pharmacy, 99), "P1", "P2").unwrap();
    cases(&hospital, &[(CaseKind::Discrepancy, "count-differs")]);
}

#[test]
fn a_count_that_is_overdue_opens_a_case_that_the_count_closes() {
    let mut hospital = hospital();
    let begun = hospital.now;
    hospital.now = begun + SignedDuration::from_hours(23);
    hospital.tick();
    cases(&hospital, &[]);
    hospital.now = begun + SignedDuration::from_hours(24);
    hospital.tick();
    cases(&hospital, &[(CaseKind::ControlledDrug, "count-overdue")]);
    let mut hospital = hospital.restarted();
    both(&mut hospital, count(ward(), 20), "N1", "N2").unwrap();
    cases(&hospital, &[]);
    hospital.now += SignedDuration::from_hours(24);
    hospital.tick();
    let overdue = (CaseKind::ControlledDrug, "count-overdue");
    cases(&hospital, &[overdue]);
    // Settling the case without counting puts the question off, not away.
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let word = Resolution { case, by: "P1".into(), resolution: "busy".into() };
    hospital.ask(Request::Resolve(word));
    cases(&hospital, &[]);
    hospital.now += SignedDuration::from_hours(24);
    hospital.tick();
    cases(&hospital, &[overdue]);
}

#[test]
fn a_cabinets_count_is_entered_and_needs_two_people() {
    let mut hospital = hospital();
    let told = |hospital: &Hospital, witness: Option<&str>, found: i64| {
        let mut told = transaction(TransactionCode::Count, hospital.now, 0);
        told.item = Coded { code: MORPHINE.into(), text: String::new() };
        told.unit = None;
        told.actual = Some(found.into());
        told.expected = Some(found.into());
        told.witness = witness.map(|id| Staff { id: id.into(), name: String::new() });
        told
    };
    let first = told(&hospital, Some("N2"), 30);
    hospital.transact(first);
    cases(&hospital, &[]);
    assert_eq!(balance(&hospital, "cabinet:ADC/WARDA1"), Decimal::from(30));
    let page = hospital.state.page(&Place::Cabinet("ADC/WARDA1".into()), MORPHINE).unwrap();
    assert_eq!(page.due, Some(hospital.now + SignedDuration::from_hours(24)));
    for witness in [None, Some("N1"), Some("HCA")] {
        hospital.now += SignedDuration::from_mins(1);
        let again = told(&hospital, witness, 30);
        hospital.transact(again);
    }
    let not = (CaseKind::UnmatchedTransaction, "count-not-witnessed");
    cases(&hospital, &[not, not, not]);
}

#[test]
fn given_and_wasted_make_up_what_was_removed() {
    let mut hospital = hospital();
    let removal = removal(&mut hospital, 1);
    refused(
        both(&mut hospital, wasted(&removal, "0.5", Some("0.4")), "N1", "N2"),
        "do not make up",
    );
    refused(both(&mut hospital, wasted(&removal, "1.5", None), "N1", "N2"), "More is wasted");
    refused(alone(&mut hospital, wasted(&removal, "0.25", None), "N1"), "needs a second person");
    let nowhere = wasted(&Id::new("rxx.9.9").unwrap(), "0.25", None);
    refused(both(&mut hospital, nowhere, "N1", "N2"), "No removal");
    let mut plain = wasted(&removal, "0.25", Some("0.75"));
    if let Deed::Waste(deed) = &mut plain {
        deed.denatured = None;
    }
    refused(both(&mut hospital, plain, "N1", "N2"), "irretrievable");

    let id = both(&mut hospital, wasted(&removal, "0.25", Some("0.75")), "N1", "N2").unwrap();
    assert_eq!(hospital.state.removal(&removal).unwrap().in_hands, "0.75".parse().unwrap());
    let note = hospital.facts.iter().rev().find_map(|fact| match fact {
        Fact::Controlled(fact) => match &**fact {
            ControlledFact::Noted(note) if note.transfer.as_ref() == Some(&id) => note.note.clone(),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(note.as_deref(), Some("given 0.75 and wasted 0.25 of 1 removed"));
    assert!(hospital.open_cases().iter().all(|(_, reason)| reason != "waste-not-witnessed"));
}

#[test]
fn a_broken_ampoule_is_wasted_out_of_the_cupboard() {
    let mut hospital = hospital();
    let broken = |quantity: i64| {
        Deed::Waste(WasteDeed {
            removal: None,
            place: Some(ward()),
            item: MORPHINE.into(),
            quantity: quantity.into(),
            given: None,
            reason: "broken".into(),
            denatured: Some("kit".into()),
        })
    };
    refused(both(&mut hospital, broken(21), "N1", "N2"), "has less there");
    both(&mut hospital, broken(1), "N1", "N2").unwrap();
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(19));
}

#[test]
fn destruction_needs_the_right_witness() {
    let mut hospital = hospital();
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    let own = Deed::TakeIn(TakeInDeed {
        patient: anna.clone(),
        item: MORPHINE.into(),
        quantity: 14.into(),
        batch: Some("L1".into()),
        expiry: None,
    });
    let mut of_no_batch = own.clone();
    if let Deed::TakeIn(deed) = &mut of_no_batch {
        (deed.batch, deed.expiry) = (None, Some("2027-01-31".parse().unwrap()));
    }
    refused(alone(&mut hospital, of_no_batch, "N1"), "(`batch`)");
    alone(&mut hospital, own, "N1").unwrap();
    assert_eq!(balance(&hospital, &format!("own:{anna}")), Decimal::from(14));

    refused(both(&mut hospital, destroy(ward(), 5), "P1", "N2"), "authorised");
    let told = act(&hospital, destroy(ward(), 5), "P1");
    let reason = Some(Second::Alone("nobody".into()));
    refused(enter(&mut hospital, told, reason), "authorised");
    both(&mut hospital, destroy(ward(), 5), "P1", "P2").unwrap();
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(15));
    // What the patient brought needs a second person, whoever that is.
    refused(alone(&mut hospital, destroy(Place::Own(anna.clone()), 14), "P1"), "second person");
    both(&mut hospital, destroy(Place::Own(anna.clone()), 14), "P1", "N2").unwrap();
    assert_eq!(balance(&hospital, &format!("own:{anna}")), Decimal::ZERO);
    refused(both(&mut hospital, destroy(ward(), 16), "P1", "P2"), "has less there");
    cases(&hospital, &[]);
}

#[test]
fn a_supply_goes_from_hand_to_hand_with_their_names() {
    let mut hospital = hospital();
    let asked = Deed::Requisition(RequisitionDeed {
        place: ward(),
        item: MORPHINE.into(),
        quantity: 10.into(),
    });
    let requisition = alone(&mut hospital, asked, "N1").unwrap();
    let supply = |quantity: i64, from: Place| {
        Deed::Supply(SupplyDeed {
            requisition: requisition.clone(),
            from,
            quantity: quantity.into(),
            batch: Some("L7".into()),
            expiry: None,
            messenger: "Porter 4".into(),
        })
    };
    refused(alone(&mut hospital, supply(10, Place::Pharmacy), "N1"), "does not supply it");
    refused(alone(&mut hospital, supply(11, Place::Pharmacy), "P1"), "More is supplied");
    refused(alone(&mut hospital, supply(10, ward()), "P1"), "another ward");
    let mut of_no_batch = supply(6, Place::Pharmacy);
    if let Deed::Supply(deed) = &mut of_no_batch {
        (deed.batch, deed.expiry) = (None, Some("2027-01-31".parse().unwrap()));
    }
    refused(alone(&mut hospital, of_no_batch, "P1"), "(`batch`)");
    let sent = alone(&mut hospital, supply(6, Place::Pharmacy), "P1").unwrap();
    assert_eq!(hospital.state.requisition(&requisition).unwrap().supplied, Decimal::from(6));
    let rest = alone(&mut hospital, supply(4, Place::Pharmacy), "P1").unwrap();
    assert!(hospital.state.requisition(&requisition).is_none(), "all of it is sent");

    let mut hospital = hospital.restarted();
    let receive = |consignment: &Id, quantity: i64, complete: bool| {
        let (consignment, quantity) = (consignment.clone(), quantity.into());
        Deed::Receive(ReceiveDeed { consignment, quantity, complete })
    };
    refused(alone(&mut hospital, receive(&sent, 6, true), "P1"), "does not receive it");
    alone(&mut hospital, receive(&sent, 5, true), "N1").unwrap();
    cases(&hospital, &[(CaseKind::Consignment, "less-arrived")]);
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    assert_eq!(hospital.state.discrepancy(&case).unwrap().quantity, Some(1.into()));
    hospital.now += SignedDuration::from_hours(24);
    both(&mut hospital, count(ward(), 25), "N1", "N2").unwrap();
    hospital.tick();
    let missing = hospital.open_cases();
    assert!(missing.contains(&(CaseKind::Consignment, "not-arrived".into())), "{missing:?}");
    alone(&mut hospital, receive(&rest, 4, true), "N1").unwrap();
    let open = hospital.open_cases();
    assert!(!open.contains(&(CaseKind::Consignment, "not-arrived".into())), "{open:?}");
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(29));
}

#[test]
fn a_correction_is_a_new_entry() {
    let mut hospital = hospital();
    let sent = hospital.facts.iter().find_map(|fact| match fact {
        Fact::Moved(moved) if moved.item == MORPHINE => Some(moved.id.clone()),
        _ => None,
    });
    let sent = sent.unwrap();
    let correct = |difference: Option<i64>| {
        Deed::Correct(CorrectDeed {
            of: sent.clone(),
            difference: difference.map(Decimal::from),
            note: "18 came".into(),
        })
    };
    let before = hospital.facts.len();
    refused(alone(&mut hospital, correct(Some(-2)), "P1"), "second person");
    refused(both(&mut hospital, correct(Some(-21)), "P1", "N1"), "taken back");
    both(&mut hospital, correct(Some(-2)), "P1", "N1").unwrap();
    // Twenty came, of which two were taken back: eighteen are left to take back.
    refused(both(&mut hospital, correct(Some(-19)), "P1", "N1"), "taken back");
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(18));
    assert_eq!(balance(&hospital, "pharmacy"), Decimal::from(-18));
    alone(&mut hospital, correct(None), "P1").unwrap();
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(18));
    let nowhere = Deed::Correct(CorrectDeed {
        of: Id::new("rxx.9.9").unwrap(),
        difference: None,
        note: "?".into(),
    });
    refused(alone(&mut hospital, nowhere, "P1"), "No register");
    let again = hospital.facts[before..].iter().any(|fact| match fact {
        Fact::Moved(moved) => moved.id == sent,
        _ => false,
    });
    assert!(!again, "the entry itself stays as it is");
    cases(&hospital, &[]);
}

#[test]
fn a_discrepancy_goes_its_way_to_the_accountable_officer() {
    use DiscrepancyStatus as S;

    let mut hospital = hospital();
    both(&mut hospital, count(ward(), 18), "N1", "N2").unwrap();
    let id = hospital.state.open_cases().next().unwrap().id.clone();
    let step = |to: DiscrepancyStatus, by: &str, text: Option<&str>| {
        let (discrepancy, by) = (id.clone(), by.to_owned());
        ControlledAct::Step(Step { discrepancy, to, by, text: text.map(str::to_owned) })
    };
    refused(tell(&mut hospital, step(S::Resolved, "P1", None)), "how it is explained");
    refused(tell(&mut hospital, step(S::Closed, "G1", Some("x"))), "does not become");
    refused(tell(&mut hospital, step(S::Investigating, "HCA", None)), "role does not allow");
    tell(&mut hospital, step(S::Investigating, "P1", Some("asked the night shift"))).unwrap();
    hospital.now += SignedDuration::from_hours(24);
    let mut hospital = hospital.restarted();
    hospital.tick();
    assert_eq!(hospital.state.discrepancy(&id).unwrap().status, S::Escalated);
    let escalated = (CaseKind::ControlledDrug, "discrepancy-escalated".to_owned());
    assert!(hospital.open_cases().contains(&escalated));
    refused(tell(&mut hospital, step(S::Closed, "P1", Some("x"))), "accountable officer");
    let word = |by: &str| {
        let (case, by) = (id.clone(), by.to_owned());
        Request::Resolve(Resolution { case, by, resolution: "found".into() })
    };
    assert!(matches!(hospital.ask(word("P1")), Answer::Parked(_)));
    tell(&mut hospital, step(S::Closed, "G1", Some("reported to the police"))).unwrap();
    assert!(hospital.state.discrepancy(&id).is_none());
    let open = hospital.open_cases();
    assert!(!open.contains(&escalated), "{open:?}");
    assert!(!open.contains(&(CaseKind::Discrepancy, "count-differs".to_owned())), "{open:?}");
    let steps: Vec<_> = hospital
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Controlled(fact) => match &**fact {
                ControlledFact::Stepped(step) => Some((step.discrepancy.status, step.by.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let by = |status, by: &str| (status, by.to_owned());
    let expected = [
        by(S::Open, "interlock"),
        by(S::Investigating, "P1"),
        by(S::Escalated, "interlock"),
        by(S::Closed, "G1"),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn settling_the_case_explains_the_discrepancy() {
    let mut hospital = hospital();
    both(&mut hospital, count(ward(), 21), "N1", "N2").unwrap();
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let (id, by) = (case.clone(), "P1".to_owned());
    hospital.ask(Request::Resolve(Resolution { case, by, resolution: "a return".into() }));
    assert!(hospital.state.discrepancy(&id).is_none());
    cases(&hospital, &[]);
    hospital.now += SignedDuration::from_hours(23);
    hospital.tick();
    cases(&hospital, &[]);
}

#[test]
fn what_is_entered_days_later_opens_a_case() {
    let mut hospital = hospital();
    let ward = || Destination::Place(Account::WardStock("WARDB".into()));
    let told = |hours: i64, hospital: &Hospital| {
        let at = hospital.now - SignedDuration::from_hours(hours);
        movement(at, Account::Pharmacy, ward(), MORPHINE, 1)
    };
    let next_day = told(20, &hospital);
    hospital.stock(StockAct::Move(next_day)).unwrap();
    cases(&hospital, &[]);
    let later = told(48, &hospital);
    hospital.stock(StockAct::Move(later)).unwrap();
    cases(&hospital, &[(CaseKind::ControlledDrug, "late-entry")]);
}

#[test]
fn what_is_no_controlled_drug_is_told_elsewhere() {
    let mut hospital = hospital();
    let other = Deed::Count(CountDeed { place: ward(), item: "PARA500".into(), found: 1.into() });
    refused(both(&mut hospital, other, "N1", "N2"), "no controlled drug");
    let before = hospital.facts.len();
    refused(alone(&mut hospital, count(ward(), 1), "HCA"), "role does not allow");
    assert_eq!(hospital.facts.len(), before, "a mistake leaves nothing");
}

#[test]
fn what_a_register_is_kept_of_is_not_told_as_stock() {
    let mut hospital = hospital();
    let now = hospital.now;
    let ward = || Account::WardStock("WARDA".into());
    let under = "bad-value";
    let unseen = |hospital: &Hospital| {
        let open = hospital.open_cases();
        open.iter().filter(|(_, reason)| reason == "movement-not-witnessed").count()
    };
    let counted = |item: &str| {
        let (place, item, found) = (ward(), item.into(), 5.into());
        let (person, witness) = ("N1".into(), Some("N2".into()));
        StockAct::Count(StockCount { place, item, found, person, witness, activity: now })
    };
    refused(hospital.stock(counted(MORPHINE)), under);
    let gone = |item: &str, from: Account, to: Account, witness: Option<&str>| {
        let mut told = movement(now, from, Destination::Place(to), item, 1);
        told.witness = witness.map(str::to_owned);
        told
    };
    let wasted = gone(MORPHINE, ward(), Account::Waste, Some("N2"));
    refused(hospital.stock(StockAct::Move(wasted)), under);
    let mut sent = gone(MORPHINE, Account::Pharmacy, ward(), Some("N2"));
    sent.sent = true;
    let consignment = hospital.stock(StockAct::Move(sent)).unwrap();
    let receipt = Receipt {
        consignment: consignment.clone(),
        quantity: 1.into(),
        complete: true,
        person: "P1".into(),
        witness: Some("N2".into()),
        activity: now,
    };
    refused(hospital.stock(StockAct::Receive(receipt)), under);
    let receive = ReceiveDeed { consignment, quantity: 1.into(), complete: true };
    alone(&mut hospital, Deed::Receive(receive), "P1").unwrap();
    assert_eq!(unseen(&hospital), 0);

    hospital.stock(StockAct::Move(gone(MORPHINE, Account::Pharmacy, ward(), None))).unwrap();
    assert_eq!(unseen(&hospital), 1);
    // What no register is kept of is told as before.
    hospital.stock(StockAct::Move(gone("PARA500", Account::Pharmacy, ward(), None))).unwrap();
    hospital.stock(StockAct::Move(gone("PARA500", ward(), Account::Waste, None))).unwrap();
    assert_eq!(unseen(&hospital), 1);
    hospital.stock(counted("PARA500")).unwrap_or_else(|_| Id::new("done").unwrap());
    assert_eq!(hospital.state.balance(&ward(), "PARA500"), Decimal::from(5));
}

#[test]
fn a_lost_dose_is_not_settled_by_whoever_took_it() {
    let mut hospital = hospital();
    let removal = removal(&mut hospital, 1);
    hospital.now += SignedDuration::from_hours(4);
    hospital.tick();
    let case = hospital.state.open_cases().find(|case| case.kind == CaseKind::UnaccountedDose);
    let case = case.unwrap().clone();
    assert_eq!((&case.removal, case.person.as_deref()), (&Some(removal.clone()), Some("N1")));
    let mut settle = |by: &str, word: &str| {
        let (case, by, resolution) = (case.id.clone(), by.to_owned(), word.to_owned());
        match hospital.ask(Request::Resolve(Resolution { case, by, resolution })) {
            Answer::Done => Ok(removal.clone()),
            Answer::Parked(problem) => Err(problem.text),
            other => panic!("no answer to a resolution: {other:?}"),
        }
    };
    refused(settle("N1", "lost"), "Who took");
    refused(settle("P1", "wasted"), "/cd/waste");
    refused(settle("P1", "returned"), "/cd/waste");
    settle("P1", "nobody knows").unwrap();
    let open = hospital.open_cases();
    assert!(open.contains(&(CaseKind::Discrepancy, "not-accounted-for".into())), "{open:?}");
    let found = hospital.state.open_cases().find(|one| one.kind == CaseKind::Discrepancy);
    let known = hospital.state.discrepancy(&found.unwrap().id).unwrap();
    assert_eq!(known.quantity, Some((-1).into()));
    assert_eq!(known.place.as_deref(), Some("cabinet:ADC/WARDA1"));
}

/// Ten are asked for by ward A and sent by the pharmacy.
fn supplied(hospital: &mut Hospital) -> Id {
    let (place, item, quantity) = (ward(), MORPHINE.into(), 10.into());
    let asked = Deed::Requisition(RequisitionDeed { place, item, quantity });
    let requisition = alone(hospital, asked, "N1").unwrap();
    let supply = Deed::Supply(SupplyDeed {
        requisition,
        from: Place::Pharmacy,
        quantity: 10.into(),
        batch: None,
        expiry: None,
        messenger: "Porter 4".into(),
    });
    alone(hospital, supply, "P1").unwrap()
}

#[test]
fn a_supply_that_never_arrives_is_a_discrepancy_that_ends_with_it() {
    let mut hospital = hospital();
    let consignment = supplied(&mut hospital);
    hospital.now += SignedDuration::from_hours(23);
    both(&mut hospital, count(ward(), 20), "N1", "N2").unwrap();
    hospital.now += SignedDuration::from_hours(1);
    hospital.tick();
    cases(&hospital, &[(CaseKind::Consignment, "not-arrived")]);
    let all = hospital.state.open_cases().next().unwrap().id.clone();
    assert_eq!(hospital.state.discrepancy(&all).unwrap().reason, "not-arrived");

    let receive = ReceiveDeed { consignment, quantity: 7.into(), complete: true };
    alone(&mut hospital, Deed::Receive(receive), "N1").unwrap();
    cases(&hospital, &[(CaseKind::Consignment, "less-arrived")]);
    assert!(hospital.state.discrepancy(&all).is_none());
    let rest = hospital.state.open_cases().next().unwrap().id.clone();
    assert_eq!(hospital.state.discrepancy(&rest).unwrap().quantity, Some(3.into()));

    let step = Step {
        discrepancy: rest,
        to: DiscrepancyStatus::Resolved,
        by: "P1".into(),
        text: Some("the box was short".into()),
    };
    tell(&mut hospital, ControlledAct::Step(step)).unwrap();
    cases(&hospital, &[]);
    assert_eq!(hospital.state.consignments().count(), 0, "nothing is on its way any more");
    let place = Account::Discrepancy("pharmacy".into());
    assert_eq!(hospital.state.balance(&place, MORPHINE), Decimal::from(3));
}

#[test]
fn a_count_is_of_what_was_entered_before_it() {
    let mut hospital = hospital();
    let before = act(&hospital, count(ward(), 20), "N1");
    let signature = sign(&mut hospital, &before, "N2", "witness-tablet").unwrap();
    hospital.now += SignedDuration::from_mins(2);
    let to = Destination::Place(Account::WardStock("WARDA".into()));
    let moved = movement(hospital.now, Account::Pharmacy, to, MORPHINE, 1);
    hospital.stock(StockAct::Move(moved)).unwrap();
    let mut hospital = hospital.restarted();
    refused(enter(&mut hospital, before, Some(Second::Signature(signature))), "count again");
    both(&mut hospital, count(ward(), 21), "N1", "N2").unwrap();
    cases(&hospital, &[]);
}

#[test]
fn of_what_is_no_longer_registered_no_count_is_asked_for() {
    let mut hospital = hospital();
    hospital.now += SignedDuration::from_hours(24);
    hospital.tick();
    cases(&hospital, &[(CaseKind::ControlledDrug, "count-overdue")]);
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    hospital.configure(|site| {
        let morphine = site.items.iter_mut().find(|item| item.code == MORPHINE).unwrap();
        morphine.controlled = None;
    });
    assert!(hospital.state.page(&ward(), MORPHINE).unwrap().case.is_none());
    let word = Resolution { case, by: "P1".into(), resolution: "no longer".into() };
    hospital.ask(Request::Resolve(word));
    hospital.now += SignedDuration::from_hours(48);
    hospital.tick();
    cases(&hospital, &[]);
}

#[test]
fn a_page_begins_anew_with_what_its_place_holds() {
    let mut hospital = hospital();
    let controlled = |hospital: &mut Hospital, schedule: Option<Schedule>| {
        hospital.configure(|site| {
            let morphine = site.items.iter_mut().find(|item| item.code == MORPHINE).unwrap();
            morphine.controlled = schedule;
        });
    };
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(20));
    controlled(&mut hospital, None);
    // All of it goes to another ward while nobody keeps a register.
    let (from, to) = (Account::WardStock("WARDA".into()), Account::WardStock("WARDB".into()));
    let moved = movement(hospital.now, from, Destination::Place(to), MORPHINE, 20);
    hospital.stock(StockAct::Move(moved)).unwrap();
    controlled(&mut hospital, Some(Schedule::Two));
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::ZERO);
    assert_eq!(balance(&hospital, "ward:WARDB"), Decimal::from(20));
    assert_eq!(hospital.state.page(&ward(), MORPHINE).unwrap().due, None);
    // Of an empty place no count is asked for.
    hospital.now += SignedDuration::from_hours(24);
    hospital.tick();
    let asked: Vec<_> = hospital.state.open_cases().map(|case| case.place.clone()).collect();
    assert_eq!(asked, [Some("ward:WARDB".to_owned())]);
    // What comes back is all that the page holds.
    let (from, to) = (Account::WardStock("WARDB".into()), Account::WardStock("WARDA".into()));
    let back = movement(hospital.now, from, Destination::Place(to), MORPHINE, 4);
    hospital.stock(StockAct::Move(back)).unwrap();
    assert_eq!(balance(&hospital, "ward:WARDA"), Decimal::from(4));
}

#[test]
fn a_counted_pharmacy_supplies_no_more_than_it_has() {
    let mut hospital = hospital();
    both(&mut hospital, count(Place::Pharmacy, 9), "P1", "P2").unwrap();
    let (place, item, quantity) = (ward(), MORPHINE.into(), 10.into());
    let asked = Deed::Requisition(RequisitionDeed { place, item, quantity });
    let requisition = alone(&mut hospital, asked, "N1").unwrap();
    let supply = |quantity: i64| {
        Deed::Supply(SupplyDeed {
            requisition: requisition.clone(),
            from: Place::Pharmacy,
            quantity: quantity.into(),
            batch: None,
            expiry: None,
            messenger: "Porter 4".into(),
        })
    };
    refused(alone(&mut hospital, supply(10), "P1"), "has less there");
    alone(&mut hospital, supply(9), "P1").unwrap();
}
