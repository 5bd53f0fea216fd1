//! The ePMA: tells of orders and of what was given, and keeps a book of what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use crate::book::{HeardAdministration, HeardDispense};
use crate::messages::Envelope;
use crate::messages::ras::{Dose, ras};
use crate::messages::rde::{NAMESPACE, rde};
use crate::plan::Ask;
use crate::site::EPMA;
use crate::stage::Stage;
use crate::wire::listener::{Handler, Reply};
use crate::wire::outbox::{Outbox, Outgoing, Subject};
use crate::wire::text::Text;
use crate::world::{Order, Patient};

/// The name of the link on which it tells.
pub(crate) const LINK: &str = "epma";
/// The name of the link on which it is told.
pub(crate) const FEED: &str = "epma-feed";

/// The ePMA.
pub(crate) struct Epma {
    stage: Arc<Stage>,
    outbox: Arc<Outbox>,
    counter: AtomicU64,
}

impl Epma {
    pub(crate) fn new(stage: Arc<Stage>, outbox: Arc<Outbox>) -> Self {
        Epma { stage, outbox, counter: AtomicU64::new(0) }
    }

    fn next_id(&self) -> String {
        format!("EPMA{:07}", self.counter.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Orders wait until the node knows the patient: the ePMA has its patients from the same PAS,
    /// by way of the same node.
    fn push(&self, control_id: String, text: String, patient: usize, subjects: Vec<Subject>) {
        let known = Subject::Patient(patient);
        let needs = vec![(known, self.stage.told.so_far(known))];
        let (bytes, lane) = (text.into_bytes(), Some(patient));
        self.outbox.push(Outgoing { control_id, bytes, subjects, needs, lane });
    }

    /// Tells of orders of one patient, in one message.
    pub(crate) fn tell_orders(&self, patient: &Patient, orders: &[(Ask, Order)], at: Timestamp) {
        let control_id = self.next_id();
        let site = &self.stage.config.site_code;
        let envelope = Envelope { dialect: EPMA, site, control_id: &control_id, at };
        let text = rde(&envelope, patient, orders);
        let subjects = orders.iter().map(|(_, order)| Subject::Order(order.number)).collect();
        self.push(control_id, text, patient.index, subjects);
    }

    /// Tells what was given at the bedside.
    pub(crate) fn tell_dose(&self, dose: &Dose<'_>) {
        let control_id = self.next_id();
        let site = &self.stage.config.site_code;
        let at = dose.at;
        let envelope = Envelope { dialect: EPMA, site, control_id: &control_id, at };
        self.push(control_id.clone(), ras(&envelope, dose), dose.patient.index, Vec::new());
    }
}

/// What the ePMA does with what it is told.
pub(crate) fn feed(stage: Arc<Stage>) -> Handler {
    Arc::new(move |text| match (text.get("MSH", 9, 1).as_str(), text.get("MSH", 9, 2).as_str()) {
        ("RDS", "O13") => note_dispenses(&stage, text),
        ("RAS", "O17") => note_administrations(&stage, text),
        (kind, trigger) => Reply::Error(format!("{kind}^{trigger} is not understood")),
    })
}

/// ORC-2 as a number of this ePMA.
fn placed(group: &Text) -> Option<u32> {
    let namespace = group.get("ORC", 2, 2);
    let ours = namespace.is_empty() || namespace.eq_ignore_ascii_case(NAMESPACE);
    group.get("ORC", 2, 1).parse().ok().filter(|_| ours)
}

fn note_dispenses(stage: &Stage, text: &Text) -> Reply {
    let groups = text.groups("ORC");
    if groups.iter().all(|group| group.count("RXD") == 0) {
        return Reply::Error("no ORC with an RXD".to_owned());
    }
    let mut heard = Vec::new();
    for group in &groups {
        for n in 0..group.count("RXD") {
            let quantity = group.nth("RXD", n, 4, 1).parse().ok();
            if quantity.is_none() {
                return Reply::Error("RXD-4 is no amount".to_owned());
            }
            heard.push(HeardDispense {
                control_id: text.get("MSH", 10, 1),
                order: placed(group),
                item: group.nth("RXD", n, 2, 1),
                quantity,
                by: group.nth("RXD", n, 10, 1),
            });
        }
    }
    stage.book().heard.dispenses.extend(heard);
    Reply::Accepted
}

fn note_administrations(stage: &Stage, text: &Text) -> Reply {
    let groups = text.groups("ORC");
    if groups.iter().all(|group| group.count("RXA") == 0) {
        return Reply::Error("no ORC with an RXA".to_owned());
    }
    let mut heard = Vec::new();
    for group in &groups {
        for n in 0..group.count("RXA") {
            heard.push(HeardAdministration {
                control_id: text.get("MSH", 10, 1),
                order: placed(group),
                item: group.nth("RXA", n, 5, 1),
                quantity: group.nth("RXA", n, 6, 1).parse().ok(),
                completion: group.nth("RXA", n, 20, 1),
                action: group.nth("RXA", n, 21, 1),
            });
        }
    }
    stage.book().heard.administrations.extend(heard);
    Reply::Accepted
}
