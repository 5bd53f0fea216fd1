//! The director: takes the planner's steps when their time has come and hands them to the actors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::epma::Epma;
use super::pas::Pas;
use super::staff::Staff;
use crate::plan::{Event, Planner, Visit};
use crate::stage::Stage;
use crate::wire::outbox::{MAX_WAITING, Outbox};

/// The most visits under way at a time.
const MAX_VISITS: usize = 5_000;
/// How long the director holds still when the node does not keep up, in real time.
const HOLD: Duration = Duration::from_millis(20);

/// The director.
pub(crate) struct Director {
    pub(crate) stage: Arc<Stage>,
    pub(crate) planner: Planner,
    pub(crate) pas: Pas,
    pub(crate) epma: Arc<Epma>,
    pub(crate) wards: Vec<Arc<Staff>>,
    pub(crate) outboxes: BTreeMap<String, Arc<Outbox>>,
}

impl Director {
    /// Runs until the hospital closes, and then lets the visits come to their end.
    pub(crate) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        for ward in &self.wards {
            ward.cabinet.station().load_all();
        }
        let mut visits = JoinSet::new();
        while let Some(at) = self.planner.next_at() {
            let clock = self.stage.clock();
            tokio::select! {
                () = clock.sleep_until(at) => {}
                _ = closing.wait_for(|closing| *closing) => break,
            }
            while self.is_behind() && !*closing.borrow() {
                sleep(HOLD).await;
            }
            while visits.try_join_next().is_some() {}
            let Some((at, events)) = self.planner.step() else {
                break;
            };
            for event in events {
                self.hand_on(event, at, &mut visits);
            }
        }
        while visits.join_next().await.is_some() {}
    }

    fn is_behind(&self) -> bool {
        self.outboxes.values().any(|outbox| outbox.pending() > MAX_WAITING)
            || self.stage.visits() > MAX_VISITS
    }

    fn hand_on(&self, event: Event, at: Timestamp, visits: &mut JoinSet<()>) {
        match event {
            Event::Patient { trigger, patient, merged } => {
                {
                    let mut book = self.stage.book();
                    for patient in [Some(&patient), merged.as_ref()].into_iter().flatten() {
                        book.patients.insert(patient.index, (**patient).clone());
                    }
                }
                self.pas.tell(trigger, &patient, merged.as_deref(), at);
            }
            Event::Orders { patient, orders } => {
                {
                    let mut book = self.stage.book();
                    let all = orders.iter().map(|(_, order)| (order.number, order.clone()));
                    book.orders.extend(all);
                }
                self.epma.tell_orders(&patient, &orders, at);
            }
            Event::Visit(visit) => self.send_off(*visit, visits),
        }
    }

    fn send_off(&self, visit: Visit, visits: &mut JoinSet<()>) {
        let Some(staff) = self.wards.get(visit.ward).cloned() else {
            return;
        };
        self.stage.visit_begins();
        visits.spawn(async move {
            staff.go(&visit).await;
            staff.stage.visit_ends();
        });
    }
}
