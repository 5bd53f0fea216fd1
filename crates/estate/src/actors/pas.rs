//! The PAS: tells of patients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use crate::messages::Envelope;
use crate::messages::adt::adt;
use crate::plan::Trigger;
use crate::site::PAS;
use crate::stage::Stage;
use crate::wire::outbox::{Outbox, Outgoing, Subject};
use crate::world::Patient;

/// The name of the link.
pub(crate) const LINK: &str = "pas";

/// The PAS.
pub(crate) struct Pas {
    stage: Arc<Stage>,
    outbox: Arc<Outbox>,
    counter: AtomicU64,
}

impl Pas {
    pub(crate) fn new(stage: Arc<Stage>, outbox: Arc<Outbox>) -> Self {
        Pas { stage, outbox, counter: AtomicU64::new(0) }
    }

    /// Tells what happened to a patient at `at`.
    pub(crate) fn tell(
        &self,
        trigger: Trigger,
        patient: &Patient,
        merged: Option<&Patient>,
        at: Timestamp,
    ) {
        let count = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let control_id = format!("PAS{count:07}");
        let site = &self.stage.config.site_code;
        let envelope = Envelope { dialect: PAS, site, control_id: &control_id, at };
        let text = adt(&envelope, trigger, patient, merged, at);
        let both = [Some(patient), merged];
        let subjects: Vec<Subject> =
            both.iter().flatten().map(|patient| Subject::Patient(patient.index)).collect();
        // A merge is about two patients: no other message passes it.
        let lane = merged.is_none().then_some(patient.index);
        let bytes = text.into_bytes();
        self.outbox.push(Outgoing { control_id, bytes, subjects, needs: Vec::new(), lane });
    }
}
