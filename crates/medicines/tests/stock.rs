//! Stock beside the cabinets' own transactions: consignments, recalls, downtime, the critical
//! override.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::types::Identifier;
use hospital::*;
use medicines::bedside::Administration;
use medicines::cabinet::{CriticalSwitch, RefusalCode, Transaction, TransactionCode};
use medicines::cases::{CaseKind, Resolution};
use medicines::orders::Control;
use medicines::patients::PatientEvent;
use medicines::stock::{Account, Destination, RecallNotice, Receipt, StockAct, Trace};
use medicines::{Fact, Request, Site};

fn reasons(hospital: &Hospital) -> Vec<String> {
    let mut reasons: Vec<_> = hospital.open_cases().into_iter().map(|(_, reason)| reason).collect();
    reasons.dedup();
    reasons
}

fn notice(batch: &str) -> RecallNotice {
    RecallNotice {
        item: "PARA500".into(),
        batch: batch.into(),
        reason: "EL(26)A/1".into(),
        person: "N1".into(),
    }
}

fn tell(hospital: &mut Hospital, code: TransactionCode, units: i64, lot: Option<&str>) {
    let mut told = transaction(code, hospital.now, units);
    told.batch = lot.map(str::to_owned);
    told.order = Some(Identifier::of(ORDER, "7001"));
    hospital.ask(Request::Transaction(Box::new(told)));
}

#[test]
fn what_is_sent_and_does_not_arrive_becomes_a_case_until_it_does() {
    let mut hospital = Hospital::new();
    let consignment = hospital.send_to_cabinet("PARA500", 20);
    hospital.now = "2026-11-21T07:59:59Z".parse().unwrap();
    hospital.tick();
    assert_eq!(reasons(&hospital), [""; 0]);
    hospital.now = "2026-11-21T08:00:00Z".parse().unwrap();
    hospital.tick();
    assert_eq!(reasons(&hospital), ["not-arrived"]);
    let mut after = hospital.restarted();
    tell(&mut after, TransactionCode::Fill, 12, None);
    assert_eq!(reasons(&after), ["not-arrived"], "eight are missing still");
    assert_eq!(after.state.consignment(&consignment).unwrap().left, 8.into());
    tell(&mut after, TransactionCode::Fill, 8, None);
    assert_eq!(reasons(&after), [""; 0]);
    assert_eq!((after.balance("transit"), after.balance("pharmacy")), (0.into(), (-20).into()));
}

#[test]
fn between_wards_somebody_receives_it() {
    let mut hospital = Hospital::new();
    let ward = |name: &str| Account::WardStock(name.into());
    let first =
        movement(hospital.now, Account::Pharmacy, Destination::Place(ward("WARDA")), "PARA500", 20);
    hospital.stock(StockAct::Move(first)).unwrap();
    let mut sent =
        movement(hospital.now, ward("WARDA"), Destination::Place(ward("WARDB")), "PARA500", 6);
    sent.sent = true;
    let consignment = hospital.stock(StockAct::Move(sent)).unwrap();
    let receive = |hospital: &mut Hospital, units: i64, complete| {
        hospital.stock(StockAct::Receive(Receipt {
            consignment: consignment.clone(),
            quantity: units.into(),
            complete,
            person: "N2".into(),
            witness: None,
            activity: hospital.now,
        }))
    };
    receive(&mut hospital, 4, false).unwrap();
    assert_eq!(reasons(&hospital), [""; 0], "the rest may still come");
    receive(&mut hospital, 1, true).unwrap();
    assert_eq!(reasons(&hospital), ["less-arrived"]);
    assert_eq!(hospital.state.balance(&ward("WARDB"), "PARA500"), 5.into());
    let case = hospital.state.open_cases().next().unwrap().id.clone();
    let resolution =
        Resolution { case, by: "N2".into(), resolution: "dropped on the stairs".into() };
    hospital.ask(Request::Resolve(resolution));
    assert_eq!(hospital.balance("transit"), 0.into());
    assert_eq!(hospital.balance("discrepancy"), 1.into());
    assert!(receive(&mut hospital, 1, true).is_err(), "nothing is on its way any more");
}

#[test]
fn a_patients_own_and_take_home_medicines_have_places_of_their_own() {
    let mut hospital = Hospital::new();
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    let own = Account::OwnDrugs(anna.clone());
    let brought =
        movement(hospital.now, Account::Opening, Destination::Place(own.clone()), "PARA500", 10);
    hospital.stock(StockAct::Move(brought)).unwrap();
    hospital.order(Control::New, "7001");
    hospital.give("7001", 2);
    assert_eq!(reasons(&hospital), [""; 0], "the dose was of the patient's own");
    assert_eq!(hospital.state.balance(&own, "PARA500"), 8.into());
    let pack = Account::TakeHome(anna.clone());
    let packed =
        movement(hospital.now, Account::Pharmacy, Destination::Place(pack.clone()), "PARA500", 28);
    hospital.stock(StockAct::Move(packed)).unwrap();
    let handed =
        movement(hospital.now, pack, Destination::Place(Account::Patient(anna)), "PARA500", 28);
    hospital.stock(StockAct::Move(handed)).unwrap();
    assert_eq!(hospital.balance("patient"), 30.into());
    let back = movement(hospital.now, own, Destination::Place(Account::Pharmacy), "PARA500", 8);
    assert!(hospital.stock(StockAct::Move(back)).is_err(), "never into the hospital's stock");
}

#[test]
fn a_recall_blocks_every_cabinet_at_once_and_asks_for_what_is_there() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    tell(&mut hospital, TransactionCode::Load, 20, Some("L1"));
    hospital.at("08:10:00");
    tell(&mut hospital, TransactionCode::Vend, 2, Some("L1"));
    hospital.at("14:20:00").stock(StockAct::Recall(notice("L1"))).unwrap();
    assert_eq!(reasons(&hospital), ["recalled-in-hands", "recalled-stock"]);
    assert_eq!(hospital.remove(2), Err(RefusalCode::Recalled));
    let mut urgent = asked("PARA500", 2);
    urgent.override_reason = Some("in pain".into());
    assert_eq!(hospital.remove_with(urgent), Err(RefusalCode::Recalled), "no reason helps");

    let mut hospital = hospital.restarted();
    assert_eq!(hospital.remove(2), Err(RefusalCode::Recalled), "a restart forgets no recall");
    tell(&mut hospital, TransactionCode::Return, 2, Some("L1"));
    assert_eq!(reasons(&hospital), ["recalled-stock"]);
    hospital.at("14:30:00");
    tell(&mut hospital, TransactionCode::Expired, 20, Some("L1"));
    assert_eq!(reasons(&hospital), [""; 0], "nothing of it is here any more");
    tell(&mut hospital, TransactionCode::Load, 10, Some("L2"));
    assert!(hospital.remove(2).is_ok());
    tell(&mut hospital, TransactionCode::Fill, 5, Some("L1"));
    assert_eq!(reasons(&hospital), ["recalled-batch-put-in"]);
    hospital.stock(StockAct::Lift(notice("L1"))).unwrap();
    assert_eq!(reasons(&hospital), [""; 0]);
}

#[test]
fn stock_of_an_unknown_batch_is_not_given_out_while_a_recall_runs() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    tell(&mut hospital, TransactionCode::Load, 20, None);
    hospital.stock(StockAct::Recall(notice("L1"))).unwrap();
    assert_eq!(reasons(&hospital), ["recalled-perhaps"]);
    assert_eq!(hospital.remove(2), Err(RefusalCode::Recalled));
    hospital.at("08:10:00");
    tell(&mut hospital, TransactionCode::Vend, 2, Some("L1"));
    assert!(reasons(&hospital).contains(&"recalled-batch-taken".to_owned()));
}

#[test]
fn what_is_out_of_date_is_not_given_out() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let mut load = transaction(TransactionCode::Load, hospital.now, 20);
    (load.batch, load.expiry) = (Some("L1".into()), Some(jiff::civil::date(2026, 11, 20)));
    hospital.transact(load.clone());
    assert!(hospital.remove(2).is_ok(), "the last day counts");
    hospital.now = "2026-11-21T08:00:00Z".parse().unwrap();
    hospital.tick();
    assert_eq!(hospital.remove(2), Err(RefusalCode::Expired));
    tell(&mut hospital, TransactionCode::Vend, 2, None);
    assert!(reasons(&hospital).contains(&"expired-batch-taken".to_owned()));
    load.activity = hospital.now;
    load.code = TransactionCode::Fill;
    (load.batch, load.expiry) = (Some("L1".into()), Some(jiff::civil::date(2027, 11, 20)));
    hospital.transact(load);
    assert!(reasons(&hospital).contains(&"expiry-differs".to_owned()));
    assert_eq!(hospital.remove(2), Err(RefusalCode::Expired), "the earlier date counts");
}

#[test]
fn a_recall_finds_who_had_it_for_certain_and_perhaps() {
    let mut hospital = Hospital::new();
    hospital.admit(BELA, "V2", "WARDA");
    hospital.order(Control::New, "7001");
    tell(&mut hospital, TransactionCode::Load, 20, Some("L1"));
    tell(&mut hospital, TransactionCode::Vend, 2, Some("L1"));
    let given = administration(hospital.now, "7001", 2);
    hospital.ask(Request::Administer(vec![Administration { order: None, ..given }]));
    tell(&mut hospital, TransactionCode::Fill, 5, Some("L2"));
    let mut vend = transaction(TransactionCode::Vend, hospital.now, 1);
    vend.patient = vec![Identifier::of(NHS, BELA)];
    hospital.ask(Request::Transaction(Box::new(vend)));
    let mut trace = Trace::new("L2");
    let mut other = Trace::new("L1");
    for fact in &hospital.facts {
        if let Fact::Moved(moved) = fact {
            trace.take(moved);
            other.take(moved);
        }
    }
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}"));
    let bela = hospital.state.patient_by(&format!("{NHS}|{BELA}"));
    let found: Vec<_> =
        other.into_found().iter().map(|it| (it.patient.clone(), it.certain)).collect();
    assert_eq!(found, [(anna.clone(), true), (anna, true), (bela.clone(), false)]);
    let found: Vec<_> =
        trace.into_found().iter().map(|it| (it.patient.clone(), it.certain)).collect();
    assert_eq!(found, [(bela, false)], "nobody told which of the two Bela had");
}

/// A cabinet was cut off from 09:00 to 11:00; its burst comes at 11:05, in the order of activity.
fn burst(prepare: impl FnOnce(&mut Hospital), told: Vec<Transaction>) -> Vec<String> {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    prepare(&mut hospital);
    hospital.at("11:05:00");
    for told in told {
        hospital.ask(Request::Transaction(Box::new(told)));
    }
    reasons(&hospital)
}

#[test]
fn a_burst_after_downtime_is_judged_by_the_orders_of_its_time() {
    let vend = |at: &str, number: Option<&str>| {
        let mut vend = transaction(TransactionCode::Vend, time(at), 2);
        vend.order = number.map(|number| Identifier::of(ORDER, number));
        vend
    };
    let stopped = |at: &'static str| {
        move |h: &mut Hospital| {
            h.at(at).order(Control::Stop, "7001");
        }
    };
    let none = [""; 0];
    assert_eq!(burst(|_| {}, vec![vend("09:10:00", Some("7001"))]), none);
    assert_eq!(burst(stopped("10:00:00"), vec![vend("09:10:00", Some("7001"))]), none);
    assert_eq!(burst(stopped("09:05:00"), vec![vend("09:10:00", Some("7001"))]), ["stopped"]);
    assert_eq!(burst(|_| {}, vec![vend("09:10:00", None)]), ["no-order"]);
    let later = |h: &mut Hospital| {
        h.at("10:30:00").order(Control::New, "7002");
    };
    assert_eq!(burst(later, vec![vend("09:10:00", Some("7002"))]), ["not-started"]);
    let twice = vec![vend("09:10:00", Some("7001")), vend("09:50:00", Some("7001"))];
    assert_eq!(burst(|_| {}, twice), ["too-early"]);
    let gone = |h: &mut Hospital| {
        h.at("09:30:00").adt(PatientEvent::A03, ANNA, "V1", Some("WARDA"));
    };
    assert_eq!(burst(gone, vec![vend("09:10:00", Some("7001"))]), none, "she was there then");
    assert_eq!(burst(gone, vec![vend("10:40:00", Some("7001"))]), none, "within the grace");
    // What the bedside told meanwhile is explained by what the burst brings.
    let given = |h: &mut Hospital| {
        h.at("09:20:00").give("7001", 2);
    };
    assert_eq!(burst(given, vec![vend("09:10:00", Some("7001"))]), none);
    // A count of the time in between is right as well.
    let mut count = transaction(TransactionCode::Count, time("10:00:00"), 0);
    (count.expected, count.actual) = (Some(98.into()), Some(97.into()));
    let mut first = vend("09:10:00", Some("7001"));
    first.expected = Some(100.into());
    assert_eq!(burst(|_| {}, vec![first, count]), ["count-differs"]);
}

fn switch(hospital: &mut Hospital, on: bool, person: &str) -> medicines::Answer {
    let (person, reason) = (person.into(), "the ePMA is down".into());
    hospital.ask(Request::CriticalOverride(CriticalSwitch { on, person, reason }))
}

#[test]
fn a_critical_override_stands_for_an_order_while_it_is_on() {
    let mut hospital = Hospital::new();
    assert_eq!(hospital.at("08:10:00").remove(2), Err(RefusalCode::NoLiveOrder));
    assert_eq!(switch(&mut hospital, true, "N1").code(), "parked", "a nurse may not");
    assert_eq!(switch(&mut hospital, true, "P1").code(), "done");
    let permit = hospital.at("08:20:00").remove(2).unwrap();
    assert!(permit.case.is_some());
    let mut hospital = hospital.restarted();
    hospital.at("08:20:30").vend(None, 2);
    assert!(hospital.remove(1).is_ok(), "a restart does not switch it off");
    switch(hospital.at("08:30:00"), false, "P1");
    assert_eq!(hospital.at("08:40:00").remove(2), Err(RefusalCode::NoLiveOrder));
    let critical = |hospital: &Hospital| {
        let cases = hospital.open_cases().into_iter();
        cases.filter(|case| *case == (CaseKind::Override, "critical-override".to_owned())).count()
    };
    let before = critical(&hospital);
    assert!(before > 0);
    // A cabinet that was cut off tells of that time later.
    let mut vend = transaction(TransactionCode::Vend, time("08:25:00"), 1);
    vend.user.id = "N2".into();
    hospital.at("09:30:00").transact(vend);
    assert_eq!(critical(&hospital), before + 1);
}

#[test]
fn who_may_override_is_a_policy() {
    let check = |change: fn(&mut Site), expected: Result<(), RefusalCode>| {
        let mut hospital = Hospital::new();
        let mut site = site();
        change(&mut site);
        hospital.ask(Request::Configure(Box::new(site)));
        let mut question = asked("PARA500", 2);
        question.override_reason = Some("in pain".into());
        assert_eq!(hospital.remove_with(question).map(|_| ()), expected);
    };
    check(|_| {}, Ok(()));
    check(|site| site.items[0].override_areas = vec!["WARDA".into()], Ok(()));
    let refused = Err(RefusalCode::OverrideNotAllowed);
    check(|site| site.items[0].override_areas = vec!["WARDB".into()], refused);
    check(|site| site.policies.override_roles = vec![access::Role::Nurse], Ok(()));
    check(|site| site.policies.override_roles = vec![access::Role::Prescriber], refused);
}

/// Whether what was loaded with an expiry date may be taken at a time, asked for without a scan
/// and with one, and whether a removal that is told afterwards opens the case about it.
#[track_caller]
fn check_last_day(zone: &str, expiry: &str, at: &str, good: bool) {
    let expiry = expiry.parse().unwrap();
    let at_that_time = || {
        let mut hospital = Hospital::new();
        hospital.configure(|site| site.time_zone = medicines::Zone::of_site(zone).unwrap());
        hospital.order(Control::New, "7001");
        let mut load = transaction(TransactionCode::Load, hospital.now, 20);
        (load.batch, load.expiry) = (Some("L1".into()), Some(expiry));
        hospital.transact(load);
        hospital.now = at.parse().unwrap();
        hospital.tick();
        hospital
    };
    let expected = if good { Ok(()) } else { Err(RefusalCode::Expired) };
    for scanned in [None, Some(expiry)] {
        let mut question = asked("PARA500", 2);
        question.expiry = scanned;
        let told = at_that_time().remove_with(question).map(|_| ());
        assert_eq!(told, expected, "{expiry} at {at} in {zone}");
    }
    let mut hospital = at_that_time();
    let mut vend = transaction(TransactionCode::Vend, hospital.now, 2);
    vend.batch = Some("L1".into());
    hospital.transact(vend);
    let opened = reasons(&hospital).contains(&"expired-batch-taken".to_owned());
    assert_eq!(opened, !good, "{expiry} at {at} in {zone}");
}

#[test]
fn the_last_day_ends_by_the_clocks_of_the_site() {
    let london = "Europe/London";
    check_last_day(london, "2027-06-30", "2027-06-30T22:30:00Z", true);
    // Half past midnight, British Summer Time, on the day after.
    check_last_day(london, "2027-06-30", "2027-06-30T23:30:00Z", false);
    check_last_day(london, "2026-12-31", "2026-12-31T23:30:00Z", true);
    check_last_day("Asia/Tokyo", "2026-11-20", "2026-11-20T14:30:00Z", true);
    check_last_day("Asia/Tokyo", "2026-11-20", "2026-11-20T15:30:00Z", false);
    check_last_day("America/New_York", "2026-11-20", "2026-11-21T04:30:00Z", true);
}
