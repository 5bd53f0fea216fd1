//! An order is put on hold: nothing may be taken on it until it is resumed.

use fhir::resources::MedicationRequestStatus;

use super::Control;
use super::receive::{Told, open, tell};
use super::status::set_status;
use crate::command::Problem;
use crate::facts::Facts;
use crate::state::State;

pub(super) fn hold(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    let order = open(state, told)?;
    let version = set_status(state, facts, told, &order, MedicationRequestStatus::OnHold)?;
    tell(facts, &told.patient, Control::Hold, version);
    Ok(())
}
