//! The whole estate against a scripted node over real TCP and HTTP.

#![expect(clippy::unwrap_used, reason = "a broken harness should fail the test that uses it")]

mod hub;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use estate::book::{Finding, RemovalState, Verdict};
use estate::{Book, Estate, EstateConfig, Faults, Settled, SimClock};
use hub::Hub;
use rust_decimal::Decimal;

/// The real time that a run may take to come to rest; a limit, not an expectation.
const PATIENCE: Duration = Duration::from_mins(1);

fn morning(seed: u64, times: u32) -> EstateConfig {
    let start = "2026-11-20T06:40:00Z".parse().unwrap();
    let mut config = EstateConfig::new(seed, SimClock::new(start, Instant::now(), times));
    config.beds_per_ward = 8;
    config.mean_stay_h = 6;
    config.attempt_every_min = 10;
    config.override_every_min = 40;
    config
}

/// Runs an estate for so many simulated minutes, then settles it.
async fn run(config: EstateConfig, minutes: i64) -> (Book, Settled, Hub) {
    let site = config.site();
    let end = config.clock.start() + jiff::SignedDuration::from_mins(minutes);
    let clock = config.clock;
    let bound = Estate::bind(config).await.unwrap();
    let hub = Hub::start(&site, bound.addresses()).await;
    let running = bound.start(&hub.addresses).unwrap();
    clock.sleep_until(end).await;
    let settled = running.settle(PATIENCE).await;
    (running.stop().await, settled, hub)
}

/// Everything was told once, understood, and agrees with the truth.
fn check_end(book: &Book, settled: &Settled, hub: &Hub) {
    assert!(settled.complete, "unsent: {:?}", settled.unsent);
    assert!(settled.differences.is_empty(), "{:#?}", settled.differences);
    let state = hub.state();
    assert!(state.problems.is_empty(), "{:#?}", state.problems);
    // The scripted node permits everything, and the estate has to notice just that.
    let unexpected = |finding: &&Finding| !matches!(finding, Finding::WronglyPermitted { .. });
    let unexpected: Vec<&Finding> = book.findings.iter().filter(unexpected).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    check_nothing_lost(book, &state);
    check_stock(book, &state);
}

/// Control ids have no gap, and every link was acknowledged as often as it sent.
fn check_nothing_lost(book: &Book, state: &hub::State) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, control_id, _) in &state.log {
        let name = control_id.trim_end_matches(|c: char| c.is_ascii_digit());
        *counts.entry(name).or_default() += 1;
    }
    for (_, control_id, _) in &state.log {
        let name = control_id.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: usize = control_id[name.len()..].parse().unwrap();
        assert!((1..=counts[name]).contains(&number), "{control_id} of {}", counts[name]);
    }
    for (link, counts) in &book.links {
        assert_eq!(counts.sent, counts.acked, "{link}");
    }
}

/// What the cabinets count is what was taken, put back and filled; each unit ends once.
fn check_stock(book: &Book, state: &hub::State) {
    for removal in &book.removals {
        let left = removal.in_hand();
        match removal.state {
            RemovalState::Ended => assert!(left.is_zero(), "{removal:?}"),
            RemovalState::Forgotten => assert_eq!(left, removal.taken, "{removal:?}"),
            RemovalState::Open => panic!("nobody ended {removal:?}"),
        }
    }
    for ((cabinet, item), told) in &state.counts {
        // A completion moves stock without a transaction of its own.
        if !cabinet.starts_with("ASK/") {
            let told: Decimal = told.parse().unwrap();
            assert_eq!(book.pockets[cabinet][item], told, "{cabinet} {item}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_morning_leaves_no_difference() {
    let (book, settled, hub) = run(morning(11, 900), 110).await;
    check_end(&book, &settled, &hub);
    assert!(book.removals.len() > 20, "{} removals", book.removals.len());
    assert!(book.doses_given() > 15, "{} doses", book.doses_given());
    assert!(book.removals.iter().any(|removal| removal.permit.is_some()));
    assert!(book.removals.iter().any(|removal| removal.override_reason.is_some()));
    let by_profile = book.attempts.iter().filter(|tried| !tried.cabinet.starts_with("ASK/"));
    let refused = by_profile.filter(|tried| matches!(tried.verdict, Verdict::Refused(_))).count();
    assert!(refused > 0, "{:?}", book.attempts);
    let permitted = book.attempts.iter().filter(|tried| tried.verdict == Verdict::Permitted);
    assert!(permitted.count() > 0, "a node that permits everything has to be found out");
    println!("{:?} {:?}", book.traffic(), book.passed_over);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hours_with_every_fault_leave_no_difference() {
    let mut config = morning(12, 900);
    config.faults = Faults { downtime_every_min: 30, downtime_min: 10, ..Faults::all() };
    let (book, settled, hub) = run(config, 120).await;
    check_end(&book, &settled, &hub);
    let traffic = book.traffic();
    assert!(traffic.dropped > 0 && traffic.resent > 0 && traffic.repeated > 0, "{traffic:?}");
    assert!(traffic.malformed > 0 && traffic.heard_again > 0, "{traffic:?}");
    assert!(book.removals.len() > 15, "{} removals", book.removals.len());
    println!("{traffic:?} {:?}", book.passed_over);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_drop_lose_nothing_and_keep_each_patients_order() {
    let mut config = morning(13, 1_200);
    config.faults = Faults { drop: 300, reorder: 400, repeat: 200, ..Faults::none() };
    let (book, settled, hub) = run(config, 60).await;
    check_end(&book, &settled, &hub);
    assert!(book.links["pas"].dropped > 3, "{:?}", book.links["pas"]);
    assert!(hub.state().repeats > 0);
    let mut last: HashMap<(String, String), String> = HashMap::new();
    let mut overtaken = false;
    let mut previous = String::new();
    for (channel, control_id, text) in &hub.state().log {
        if channel != "pas" {
            continue;
        }
        overtaken |= *control_id < previous;
        previous.clone_from(control_id);
        let pid = text.split('\r').find(|line| line.starts_with("PID|")).unwrap();
        let patient = pid.split('|').nth(3).unwrap().to_owned();
        let before = last.insert((channel.clone(), patient), control_id.clone());
        assert!(before.is_none_or(|before| before < *control_id), "{control_id} came too late");
    }
    assert!(overtaken, "messages of different patients overtake each other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_line_queues_and_then_delivers_everything() {
    let config = morning(14, 900);
    let (site, clock) = (config.site(), config.clock);
    let bound = Estate::bind(config).await.unwrap();
    let hub = Hub::start(&site, bound.addresses()).await;
    let running = bound.start(&hub.addresses).unwrap();
    running.faults().cut("epma", true);
    let until = clock.start() + jiff::SignedDuration::from_mins(40);
    clock.sleep_until(until).await;
    assert!(running.pending() > 0);
    assert!(hub.state().log.iter().all(|(channel, ..)| channel != "epma"));
    running.faults().cut("epma", false);
    let until = clock.start() + jiff::SignedDuration::from_mins(60);
    clock.sleep_until(until).await;
    let settled = running.settle(PATIENCE).await;
    let book = running.stop().await;
    check_end(&book, &settled, &hub);
    assert!(hub.state().log.iter().any(|(channel, ..)| channel == "epma"));
}
