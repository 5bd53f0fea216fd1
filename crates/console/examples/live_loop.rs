//! The console over a small made-up hospital that never rests, for looking at the page.
//!
//! `cargo run --package console@0.1.0 --example live_loop` prints where it is. The first argument
//! is the number of patients, 57 if there is none.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for looking, not for use")]

#[path = "../tests/hospital/mod.rs"]
mod hospital;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use console::{ChannelView, ConsoleParts, Direction, Key, LinkState, Rights, router};
use engine::{Clock, Engine};
use hospital::{Hospital, ITEMS, WARDS};
use jiff::SignedDuration;
use medicines::Answer;
use medicines::orders::Control;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

fn channels(engine: &Engine) -> Vec<ChannelView> {
    let now = engine.clock().now();
    let ago = |seconds: i64| Some(now - SignedDuration::from_secs(seconds));
    let channel = |name: &str, direction, state, last_seen, queue, oldest| ChannelView {
        name: name.into(),
        direction,
        state,
        last_seen,
        queue,
        oldest,
        stale_after_s: 900,
    };
    vec![
        channel("cabinet-adc", Direction::Inbound, LinkState::Up, ago(2), 0, None),
        channel("cabinets-out", Direction::Outbound, LinkState::Down, ago(4_000), 38, ago(3_900)),
        channel("epma", Direction::Inbound, LinkState::Up, ago(4), 0, None),
        channel("epma-out", Direction::Outbound, LinkState::Up, ago(9), 1, ago(1)),
        channel("pas", Direction::Inbound, LinkState::Idle, ago(400), 0, None),
    ]
}

fn ward(number: u32) -> &'static str {
    WARDS[number as usize % WARDS.len()]
}

fn item(number: u32) -> &'static str {
    ITEMS[number as usize % 3].0
}

fn fill(hospital: &Hospital, patients: u32) {
    for number in 1..=patients {
        hospital.admit(number, ward(number), &format!("{:02}", number / 3 + 1));
        hospital.order(number, item(number), Control::New);
        hospital.order(number, item(number + 1), Control::New);
    }
    // What waits for a pharmacist: changed orders and new ones.
    for number in (1..=patients).step_by(9) {
        hospital.tell_order((number, item(number)), Control::Change, "20", None);
        hospital.tell_order((number, "NALO400"), Control::New, "1", None);
    }
    // Controlled drugs: a register with entries, and a count that does not add up.
    for number in (1..=patients).step_by(7) {
        hospital.order(number, "MORP10", Control::New);
        let removal = hospital.remove(number, ward(number), "MORP10", None);
        hospital.give(number, "MORP10", Some(removal));
    }
    hospital.count(WARDS[0], "MORP10", 20);
    // What a nurse has in hands, of which a part is wasted.
    hospital.order(2, "MORP10", Control::New);
    hospital.remove(2, ward(2), "MORP10", None);
    hospital.order(4, item(4), Control::Hold);
    hospital.order(9, item(9), Control::Stop);
    for _ in 0..3 {
        hospital.park();
    }
}

/// One thing after another, for ever.
fn live(hospital: &Hospital, patients: u32) {
    for turn in 0_u32.. {
        std::thread::sleep(Duration::from_millis(700));
        let number = turn % patients + 1;
        match turn % 7 {
            3 => drop(hospital.remove(number, ward(number), "NALO400", Some("arrest call"))),
            5 => hospital.give(number, item(number), None),
            _ => {
                let asked = hospital.ask_for(number, ward(number), item(number), None);
                if let Answer::Permitted(_) = asked {
                    let removal = hospital.remove(number, ward(number), item(number + 1), None);
                    if turn % 3 != 0 {
                        std::thread::sleep(Duration::from_millis(700));
                        hospital.give(number, item(number + 1), Some(removal));
                    }
                }
            }
        }
    }
}

fn key(name: &str, key: &str, one_time: bool) -> Key {
    let sha256 = Sha256::digest(key).into();
    Key { name: name.into(), sha256, one_time, rights: Rights::all() }
}

#[tokio::main]
async fn main() {
    let patients = std::env::args().nth(1).map_or(57, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::scaled("2026-11-20T08:00:00Z".parse().unwrap(), 60);
    let path = folder.path().to_owned();
    let hospital = tokio::task::spawn_blocking(move || {
        let hospital = Hospital::open(&path, clock);
        fill(&hospital, patients);
        hospital
    });
    let hospital = hospital.await.unwrap();
    let engine = hospital.engine.clone();
    let shown = engine.clone();
    let count = AtomicU64::new(0);
    let (_running, stop) = watch::channel(false);
    let parts = ConsoleParts {
        engine,
        channels: Arc::new(move || channels(&shown)),
        alarms: Arc::new(Vec::new),
        replayer: None,
        keys: vec![
            key("P2001", "look", true),
            // The second person, and somebody who takes medicines out.
            key("P2002", "second", false),
            key("N1001", "nurse", false),
            // The governance lead, who sees who looked.
            key("G1001", "govern", true),
        ],
        site_name: "Royal Example Hospital".into(),
        // Those who look are on the same machine, and nothing here is real; but each of them, and
        // each form, is told from the others.
        random: Arc::new(move |bytes| {
            let many = count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            for (byte, made) in bytes.iter_mut().zip(Sha256::digest(many)) {
                *byte = made;
            }
        }),
        stop,
    };
    std::thread::spawn(move || live(&hospital, patients));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("console: http://{}/?key=look", listener.local_addr().unwrap());
    let service = router(parts).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.unwrap();
}
