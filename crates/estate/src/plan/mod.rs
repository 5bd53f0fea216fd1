//! What the hospital does, as a pure function of the seed.
//!
//! The planner knows no sockets and no clock. It yields one step after the other, each at its
//! simulated time; whoever runs it acts them out. Nothing that happens on the lines changes what
//! it decides.

mod epma;
mod pas;
mod ward;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rust_decimal::Decimal;

pub use ward::{Attempt, Ending, Plan, Visit, VisitKind};

use crate::chance::generator;
use crate::config::EstateConfig;
use crate::identity::NhsNumbers;
use crate::world::{Order, Patient, Place};

/// The trigger events of the PAS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Admitted.
    A01,
    /// Transferred.
    A02,
    /// Discharged.
    A03,
    /// Registered.
    A04,
    /// Details of the visit's patient changed.
    A08,
    /// Admission cancelled.
    A11,
    /// Transfer cancelled.
    A12,
    /// Discharge cancelled.
    A13,
    /// A person added.
    A28,
    /// A person's details changed.
    A31,
    /// Two records joined.
    A40,
}

/// What an order message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A new order.
    New,
    /// A new dose or timing, or the verification.
    Change,
    /// On hold.
    Hold,
    /// Resumed.
    Resume,
    /// Stopped.
    Stop,
    /// Cancelled.
    Cancel,
    /// The old half of a replacement.
    Replaced,
    /// The new half of a replacement.
    Replaces {
        /// The number of the order that ends.
        old: u32,
    },
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The PAS tells of a patient.
    Patient {
        /// What happened.
        trigger: Trigger,
        /// The patient, as of now.
        patient: Box<Patient>,
        /// The record that ends, for [`Trigger::A40`].
        merged: Option<Box<Patient>>,
    },
    /// The ePMA tells of orders of one patient, in one message.
    Orders {
        /// The patient.
        patient: Box<Patient>,
        /// The orders, as of now.
        orders: Vec<(Ask, Order)>,
    },
    /// Somebody goes to the cabinet of a ward.
    Visit(Box<Visit>),
}

/// What is due.
#[derive(Debug, Clone, Copy)]
enum Due {
    Arrive { again: bool },
    Admit { patient: usize },
    Transfer { patient: usize, visit: u32 },
    UndoTransfer { patient: usize, visit: u32, back: Place },
    Discharge { patient: usize, visit: u32 },
    UndoDischarge { patient: usize, visit: u32 },
    CancelAdmission { patient: usize, visit: u32 },
    Update { patient: usize, visit: u32, person: bool },
    Duplicate { patient: usize, visit: u32 },
    Merge { survivor: usize, duplicate: usize },
    Prescribe { patient: usize, visit: u32, count: usize, again: bool },
    Verify { order: u32 },
    Hold { order: u32 },
    Resume { order: u32 },
    Change { order: u32 },
    Replace { order: u32 },
    Stop { order: u32, cancel: bool },
    StopAll { patient: usize, visit: u32 },
    Dose { order: u32, version: u32, n: u32, due: Timestamp },
    Override { ward: usize },
    Attempt { ward: usize },
    Count { ward: usize },
    Handover { ward: usize },
}

/// The planner.
pub struct Planner {
    config: EstateConfig,
    patients: Vec<Patient>,
    orders: BTreeMap<u32, Order>,
    orders_of: BTreeMap<usize, Vec<u32>>,
    taken_beds: BTreeMap<Place, usize>,
    numbers: NhsNumbers,
    agenda: BTreeMap<(Timestamp, u64), Due>,
    counter: u64,
    next_order: u32,
    pas: StdRng,
    epma: StdRng,
    wards: Vec<StdRng>,
    now: Timestamp,
    out: Vec<Event>,
}

/// The first order number.
const FIRST_ORDER: u32 = 7001;

impl Planner {
    /// The planner of a configuration; its first step is not before the clock's start.
    pub fn new(config: &EstateConfig) -> Self {
        let config = config.clone().held();
        let seed = config.seed;
        let wards = (0..config.wards).map(|ward| generator(seed, &format!("ward {ward}")));
        let mut planner = Planner {
            patients: Vec::new(),
            orders: BTreeMap::new(),
            orders_of: BTreeMap::new(),
            taken_beds: BTreeMap::new(),
            numbers: NhsNumbers::default(),
            agenda: BTreeMap::new(),
            counter: 0,
            next_order: FIRST_ORDER,
            pas: generator(seed, "pas"),
            epma: generator(seed, "epma"),
            wards: wards.collect(),
            now: config.clock.start(),
            out: Vec::new(),
            config,
        };
        planner.open_pas();
        planner.open_wards();
        planner
    }

    /// When the next step is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next step. It may be that nothing happens: a transfer of somebody who has gone
    /// home is none.
    pub fn step(&mut self) -> Option<(Timestamp, Vec<Event>)> {
        let ((at, _), due) = self.agenda.pop_first()?;
        self.now = at;
        self.act(due);
        Some((at, std::mem::take(&mut self.out)))
    }

    /// The first `count` things that happen, each with its time: the script of a seed.
    pub fn script(config: &EstateConfig, count: usize) -> Vec<(Timestamp, Event)> {
        let mut planner = Planner::new(config);
        let mut script = Vec::new();
        while let Some((at, events)) = planner.step() {
            script.extend(events.into_iter().map(|event| (at, event)));
            if script.len() >= count {
                break;
            }
        }
        script.truncate(count);
        script
    }

    fn act(&mut self, due: Due) {
        match due {
            Due::Arrive { again } => self.arrive(again),
            Due::Admit { patient } => self.admit(patient),
            Due::Transfer { patient, visit } => self.transfer(patient, visit),
            Due::UndoTransfer { patient, visit, back } => self.undo_transfer(patient, visit, back),
            Due::Discharge { patient, visit } => self.discharge(patient, visit),
            Due::UndoDischarge { patient, visit } => self.undo_discharge(patient, visit),
            Due::CancelAdmission { patient, visit } => self.cancel_admission(patient, visit),
            Due::Update { patient, visit, person } => self.update(patient, visit, person),
            Due::Duplicate { patient, visit } => self.duplicate(patient, visit),
            Due::Merge { survivor, duplicate } => self.merge(survivor, duplicate),
            Due::Prescribe { patient, visit, count, again } => {
                self.prescribe(patient, visit, count, again);
            }
            Due::Verify { order } => self.verify(order),
            Due::Hold { order } => self.hold(order),
            Due::Resume { order } => self.resume(order),
            Due::Change { order } => self.change(order),
            Due::Replace { order } => self.replace(order),
            Due::Stop { order, cancel } => self.stop(order, cancel),
            Due::StopAll { patient, visit } => self.stop_all(patient, visit),
            Due::Dose { order, version, n, due } => self.dose(order, version, n, due),
            Due::Override { ward } => self.override_visit(ward),
            Due::Attempt { ward } => self.attempt(ward),
            Due::Count { ward } => self.count(ward),
            Due::Handover { ward } => self.handover(ward),
        }
    }

    /// Puts something on the agenda, never before now.
    fn at(&mut self, at: Timestamp, due: Due) {
        self.counter += 1;
        self.agenda.insert((at.max(self.now), self.counter), due);
    }

    fn after(&mut self, wait: SignedDuration, due: Due) {
        self.at(self.now + wait, due);
    }

    /// The orders of a patient that are not over.
    fn running(&self, patient: usize) -> Vec<u32> {
        let numbers = self.orders_of.get(&patient).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().copied().filter(|number| !self.orders[number].state.is_over()).collect()
    }

    /// The patient, if still on the same visit and in a bed.
    fn in_bed(&self, patient: usize, visit: u32) -> Option<Place> {
        let patient = &self.patients[patient];
        (patient.visit == visit).then(|| patient.place()).flatten()
    }

    /// The patients of a ward, in the order of their beds.
    fn on_ward(&self, ward: usize) -> Vec<usize> {
        let places = Place { ward, bed: 0 }..Place { ward: ward + 1, bed: 0 };
        self.taken_beds.range(places).map(|(_, patient)| *patient).collect()
    }

    fn free_beds(&self) -> Vec<Place> {
        let beds = 1..=self.config.beds_per_ward;
        let all = (0..self.config.wards)
            .flat_map(|ward| beds.clone().map(move |bed| Place { ward, bed }));
        let taken: BTreeSet<Place> = self.taken_beds.keys().copied().collect();
        all.filter(|place| !taken.contains(place)).collect()
    }
}

/// Whole units are kept as they are; the others are written without needless zeros.
pub(crate) fn half(units: Decimal) -> Decimal {
    (units / Decimal::TWO).normalize()
}
