//! An order that a client writes as a resource: the same decision as its message leads to.

use std::sync::Arc;

use fhir::StoredResource;
use fhir::resources::MedicationRequest;
use fhir::types::Identifier;

use super::receive::{Told, act};
use super::{Control, OrderMessage};
use crate::command::Problem;
use crate::facts::Facts;
use crate::state::{PatientState, State};

/// A version of an order as the prescriber's system writes it.
pub(crate) struct Written<'a> {
    /// What the change from the version before asks.
    pub(crate) control: Control,
    /// The placer's number.
    pub(crate) placer: Identifier,
    /// The same as `system|value`.
    pub(crate) number: String,
    /// The number of the order that this one replaces.
    pub(crate) replaces: Option<Identifier>,
    /// Whose order it is.
    pub(crate) patient: Arc<PatientState>,
    /// The client.
    pub(crate) by: &'a str,
    /// The version, as it is to be stored.
    pub(crate) version: &'a StoredResource,
    /// The same, read.
    pub(crate) order: MedicationRequest,
}

/// Stores the version and tells the cabinets, where the order's state allows it.
pub(crate) fn write_in(
    state: &mut State,
    facts: &mut Facts<'_>,
    written: Written<'_>,
) -> Result<(), Problem> {
    let message = OrderMessage {
        control: written.control,
        placer: written.placer,
        replaces: written.replaces,
        patient: Vec::new(),
        order: written.order,
        verified_by: None,
        activity: facts.ctx.now,
        index: 1,
    };
    let told = Told {
        message: &message,
        number: written.number,
        patient: written.patient,
        activity: message.activity,
        by: Some(written.by),
        version: Some(written.version),
    };
    act(state, facts, &told)
}
