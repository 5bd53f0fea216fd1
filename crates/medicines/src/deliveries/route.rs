//! Who has to be told of what.

use fhir::{Id, ResourceType};

use super::{Notice, VersionOf};
use crate::facts::Facts;
use crate::orders::Control;
use crate::patients::PatientEvent;
use crate::state::{OrderState, PatientState};

impl VersionOf {
    pub(crate) fn new(resource_type: ResourceType, id: &Id, version: u64) -> Self {
        VersionOf { resource_type, id: id.clone(), version }
    }

    pub(crate) fn patient(patient: &PatientState) -> Self {
        VersionOf::new(ResourceType::Patient, &patient.id, patient.version)
    }

    pub(crate) fn order(order: &OrderState) -> Self {
        VersionOf::new(ResourceType::MedicationRequest, &order.id, order.version)
    }
}

/// The patient and the encounter that a message is about, in the versions that it tells.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) patient: VersionOf,
    pub(crate) encounter: Option<VersionOf>,
}

impl Subject {
    /// The newest versions.
    pub(crate) fn of(patient: &PatientState) -> Self {
        let encounter = patient.current().or(patient.encounters.last());
        let encounter =
            encounter.map(|e| VersionOf::new(ResourceType::Encounter, &e.id, e.version));
        Subject { patient: VersionOf::patient(patient), encounter }
    }

    pub(crate) fn notice(&self, event: PatientEvent) -> Notice {
        let Subject { patient, encounter } = self.clone();
        Notice::Patient { event, patient, encounter, merged: None }
    }

    pub(crate) fn order(&self, control: Control, order: VersionOf) -> Notice {
        let Subject { patient, encounter } = self.clone();
        Notice::Order { control, order, patient, encounter }
    }
}

/// Tells each cabinet that serves one of the wards, once.
///
/// What tells of an open order is replaced by a newer whole profile, which holds the order as it
/// then is. What tells of an end, or of a patient, is never replaced: a profile tells of nobody
/// and nothing that is gone.
pub(crate) fn tell_cabinets(facts: &mut Facts<'_>, wards: &[&str], key: &Id, notice: &Notice) {
    let replaced = match notice {
        Notice::Order { control, .. } => !matches!(control, Control::Stop | Control::Cancel),
        _ => false,
    };
    for channel in channels_of(facts, wards) {
        facts.queue(&channel, key, notice.clone(), replaced);
    }
}

/// The channels of the cabinets that serve one of the wards, each once.
pub(crate) fn channels_of(facts: &Facts<'_>, wards: &[&str]) -> Vec<String> {
    let serves =
        |cabinet: &&crate::Cabinet| cabinet.wards.iter().any(|ward| wards.contains(&ward.as_str()));
    let mut channels: Vec<String> = Vec::new();
    for cabinet in facts.site.cabinets.iter().filter(serves) {
        if let Some(channel) = &cabinet.channel
            && !channels.contains(channel)
        {
            channels.push(channel.clone());
        }
    }
    channels
}

/// Tells each system that keeps the record, except the one from which it came.
pub(crate) fn tell_recorders(facts: &mut Facts<'_>, key: &Id, notice: &Notice) {
    let site = facts.site;
    for recorder in &site.recorders {
        if recorder.hears_from.as_deref() != Some(facts.ctx.source.as_str()) {
            facts.queue(&recorder.channel, key, notice.clone(), false);
        }
    }
}
