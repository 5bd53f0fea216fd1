//! A cabinet's whole profile again: after an admission, a transfer, and when its line is back.

use std::sync::Arc;

use fhir::resources::MedicationRequestStatus;

use super::{DeliveryChange, DeliveryState, Subject, VersionOf, Which};
use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::orders::Control;
use crate::patients::PatientEvent;
use crate::state::{PatientState, State};

/// An outbound channel has its peer back. Every patient on the wards of its cabinets is told
/// again, with all open orders; what still waits of an older whole profile is replaced.
pub fn link_up(state: &mut State, ctx: &Context, channel: &str) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let cabinets = site.cabinets.iter().filter(|c| c.channel.as_deref() == Some(channel));
    let mut wards: Vec<&str> =
        cabinets.flat_map(|cabinet| cabinet.wards.iter().map(String::as_str)).collect();
    wards.sort_unstable();
    wards.dedup();
    if wards.is_empty() {
        return facts.done();
    }
    facts.push(Fact::Delivery(DeliveryChange {
        channel: channel.into(),
        which: Which::OlderProfile,
        state: DeliveryState::Superseded,
        detail: None,
        ahead: false,
        at: ctx.now,
    }));
    for ward in wards {
        for id in state.patients_in(ward) {
            if let Some(patient) = state.patient(&id) {
                let subject = Subject::of(&patient);
                let notice = subject.notice(PatientEvent::A01);
                facts.queue(channel, &patient.id, notice, true);
                queue_profile(state, &mut facts, channel, &patient, &subject);
            }
        }
    }
    facts.done()
}

/// Queues all open orders of a patient for one channel.
pub(crate) fn queue_profile(
    state: &mut State,
    facts: &mut Facts<'_>,
    channel: &str,
    patient: &PatientState,
    subject: &Subject,
) {
    for id in &patient.orders {
        let Some(order) = state.order(id) else {
            continue;
        };
        if !patient.stays_for(&order, facts.ctx.now, &facts.site.policies) {
            continue;
        }
        let order_version = VersionOf::order(&order);
        let mut tell = |control| {
            let notice = subject.order(control, order_version.clone());
            facts.queue(channel, &patient.id, notice, true);
        };
        tell(Control::New);
        if order.status() == MedicationRequestStatus::OnHold {
            tell(Control::Hold);
        }
    }
}
