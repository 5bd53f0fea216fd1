//! One connection: a system that sends in lock-step, and sends again what got no answer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use engine::Clock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::board::{Board, Deed, Message};
use super::messages::{Envelope, Patient, SERVED, WARDS, nhs_number};
use crate::trial::wire::{Line, framed, read_ack};

/// How long a system waits for an acknowledgement before it connects anew and sends again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits before it connects anew.
const PAUSE: Duration = Duration::from_millis(20);
/// How many patients a connection has in hospital at a time.
const PATIENTS: usize = 6;
/// How many open orders a patient has at the most.
const ORDERS: usize = 5;
/// What its pocket holds at the beginning, in tablets.
const STOCK: u32 = 1_000_000;

/// How often each act comes, in a hundred.
const ACTS: [(u32, Act); 7] = [
    (24, Act::Place),
    (16, Act::Change),
    (18, Act::HoldOrResume),
    (8, Act::Stop),
    (30, Act::Remove),
    (2, Act::Move),
    (2, Act::Discharge),
];

#[derive(Debug, Clone, Copy)]
enum Act {
    Place,
    Change,
    HoldOrResume,
    Stop,
    Remove,
    Move,
    Discharge,
}

struct Order {
    number: String,
    held: bool,
    dose: u32,
}

struct Guest {
    patient: Patient,
    orders: Vec<Order>,
}

/// A message before it has a number.
type Draft = (Deed, Patient, Option<String>, Vec<u8>);

/// One connection with its own patients, orders and pocket.
pub(super) struct Feeder {
    connection: usize,
    application: String,
    board: Arc<Board>,
    clock: Clock,
    rng: StdRng,
    pause: Duration,
    guests: Vec<Guest>,
    stock: u32,
    counts: BTreeMap<&'static str, u32>,
    line: Option<Line>,
}

impl Feeder {
    /// A connection that waits up to twice `pause` between its messages.
    pub(super) fn new(connection: usize, board: Arc<Board>, seed: u64, pause: Duration) -> Self {
        let seed = seed.wrapping_mul(1_000).wrapping_add(connection as u64);
        Feeder {
            connection,
            application: format!("FEED{connection:02}"),
            board,
            clock: Clock::system(),
            rng: StdRng::seed_from_u64(seed),
            pause,
            guests: Vec::new(),
            stock: STOCK,
            counts: BTreeMap::new(),
            line: None,
        }
    }

    /// Sends until it is told to stop and everything is acknowledged.
    pub(super) fn run(mut self) {
        while !self.board.stopping() {
            let number = self.next("message");
            let control_id = format!("F{:02}-{number:07}", self.connection);
            let (deed, patient, order, bytes) = self.think(&control_id);
            let patient = patient.mrn;
            let frame = framed(&bytes);
            let answer = None;
            let message =
                Message { control_id: control_id.clone(), bytes, patient, order, deed, answer };
            self.board.begin(self.connection, message);
            let Some(code) = self.deliver(&frame, &control_id) else { return };
            self.board.acknowledge(self.connection, code);
            let longest = u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX);
            let wait = self.rng.random_range(0..=longest.saturating_mul(2));
            thread::sleep(Duration::from_micros(wait));
        }
    }

    /// Sends the same bytes until they are acknowledged; `None` when it is to be given up.
    fn deliver(&mut self, frame: &[u8], control_id: &str) -> Option<String> {
        let mut sent = false;
        loop {
            let node = self.board.node()?;
            if self.line.is_none() {
                self.line = Line::open(node, PATIENCE).ok();
            }
            let Some(line) = &mut self.line else {
                thread::sleep(PAUSE);
                continue;
            };
            if sent {
                self.board.resent.fetch_add(1, Ordering::Relaxed);
            }
            sent = true;
            if let Ok(code) = exchange(line, frame, control_id) {
                return Some(code);
            }
            self.line = None;
            thread::sleep(PAUSE);
        }
    }

    fn next(&mut self, what: &'static str) -> u32 {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        *count
    }

    fn think(&mut self, control_id: &str) -> Draft {
        if self.guests.len() < PATIENTS {
            return self.admit(control_id);
        }
        let guest = self.rng.random_range(0..self.guests.len());
        let mut drawn = self.rng.random_range(0..ACTS.iter().map(|(weight, _)| weight).sum());
        let act = ACTS.iter().find_map(|(weight, act)| {
            let hit = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            hit.then_some(*act)
        });
        match act.unwrap_or(Act::Place) {
            Act::Move => self.shift(control_id, guest),
            Act::Discharge => self.discharge(control_id, guest),
            Act::Place => self.place(control_id, guest),
            _ if self.guests[guest].orders.is_empty() => self.place(control_id, guest),
            other => self.act_on_order(control_id, guest, other),
        }
    }

    fn envelope<'a>(&'a self, control_id: &'a str) -> Envelope<'a> {
        Envelope { application: &self.application, control_id, at: self.clock.now() }
    }

    fn admit(&mut self, control_id: &str) -> Draft {
        let connection = u32::try_from(self.connection).unwrap_or(0);
        let nhs = loop {
            let count = connection * 50_000 + self.next("nhs number");
            if let Some(number) = nhs_number(count) {
                break number;
            }
        };
        let count = self.next("patient");
        let patient = Patient {
            mrn: format!("T{connection:02}{count:06}"),
            nhs,
            visit: format!("V{connection:02}{count:06}"),
            ward: self.rng.random_range(0..WARDS.len()),
        };
        let bytes = self.envelope(control_id).adt("A01", &patient);
        self.guests.push(Guest { patient: patient.clone(), orders: Vec::new() });
        (Deed::Admit, patient, None, bytes)
    }

    fn shift(&mut self, control_id: &str, guest: usize) -> Draft {
        let guest = &mut self.guests[guest];
        guest.patient.ward = (guest.patient.ward + 1) % WARDS.len();
        let patient = guest.patient.clone();
        let bytes = self.envelope(control_id).adt("A02", &patient);
        (Deed::Move, patient, None, bytes)
    }

    fn discharge(&mut self, control_id: &str, guest: usize) -> Draft {
        let Guest { patient, .. } = self.guests.swap_remove(guest);
        let bytes = self.envelope(control_id).adt("A03", &patient);
        (Deed::Discharge, patient, None, bytes)
    }

    fn place(&mut self, control_id: &str, guest: usize) -> Draft {
        if self.guests[guest].orders.len() >= ORDERS {
            return self.act_on_order(control_id, guest, Act::Stop);
        }
        let count = self.next("order");
        let number = format!("{:02}{count:07}", self.connection);
        let patient = self.guests[guest].patient.clone();
        let bytes = self.envelope(control_id).rde("NW", &patient, &number, Some(2));
        let order = Order { number: number.clone(), held: false, dose: 2 };
        self.guests[guest].orders.push(order);
        (Deed::Place, patient, Some(number), bytes)
    }

    fn act_on_order(&mut self, control_id: &str, guest: usize, act: Act) -> Draft {
        let patient = self.guests[guest].patient.clone();
        let at = self.rng.random_range(0..self.guests[guest].orders.len());
        let order = &mut self.guests[guest].orders[at];
        let number = order.number.clone();
        let held = order.held;
        let (deed, control) = match act {
            Act::Change => {
                order.dose = 2 + (order.dose - 1) % 4;
                (Deed::Change, "XO")
            }
            Act::HoldOrResume => {
                order.held = !held;
                if held { (Deed::Resume, "RL") } else { (Deed::Hold, "HD") }
            }
            Act::Remove => (Deed::Remove { covered: !held && patient.ward < SERVED }, ""),
            Act::Stop | Act::Place | Act::Move | Act::Discharge => (Deed::Stop, "DC"),
        };
        let dose = (deed == Deed::Change).then_some(order.dose);
        if deed == Deed::Stop {
            self.guests[guest].orders.swap_remove(at);
        }
        let bytes = match deed {
            Deed::Remove { .. } => {
                let before = self.stock;
                self.stock -= 1;
                self.envelope(control_id).zpm(&patient, &number, self.connection, before)
            }
            _ => self.envelope(control_id).rde(control, &patient, &number, dose),
        };
        (deed, patient, Some(number), bytes)
    }
}

/// Sends once and waits for the acknowledgement of this very message.
fn exchange(line: &mut Line, frame: &[u8], control_id: &str) -> io::Result<String> {
    line.send(frame)?;
    loop {
        let answer = line.frame()?;
        if let Some(ack) = read_ack(&answer)
            && ack.control_id == control_id
        {
            return Ok(ack.code);
        }
    }
}
