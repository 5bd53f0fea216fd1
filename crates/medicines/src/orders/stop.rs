//! An order ends: stopped after it began, cancelled before, or replaced by another.

use std::sync::Arc;

use fhir::Id;
use fhir::resources::MedicationRequestStatus;

use super::Control;
use super::receive::{Told, known, open, tell};
use super::status::set_status;
use crate::command::{Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::{OrderState, State};

pub(super) fn stop(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    let order = known(state, told)?;
    end(state, facts, told, &order, MedicationRequestStatus::Stopped, Control::Stop)
}

/// Cancels an order; one on which something was taken was not cancelled but stopped
/// (UK Core: `cancelled` is withdrawn before any administration).
pub(super) fn cancel(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    let order = known(state, told)?;
    let status = if order.begun {
        MedicationRequestStatus::Stopped
    } else {
        MedicationRequestStatus::Cancelled
    };
    end(state, facts, told, &order, status, Control::Cancel)
}

/// Stops the order that a new one replaces, and returns its id.
pub(super) fn replaced(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    number: &str,
) -> Result<Id, Problem> {
    let Some(_) = state.order_by(number) else {
        let text = "The order that is to be replaced is not known: have the prescribing system \
                    send it, then replay.";
        return problem(ProblemCode::UnknownOrder, text);
    };
    let old = Told {
        message: told.message,
        number: number.to_owned(),
        patient: Arc::clone(&told.patient),
        activity: told.activity,
        by: told.by,
        version: None,
    };
    let order = open(state, &old)?;
    end(state, facts, &old, &order, MedicationRequestStatus::Stopped, Control::Stop)?;
    Ok(order.id.clone())
}

/// Ends the order and tells the cabinets. An order that has ended stays as it ended: a second
/// word to end it is heard and changes nothing.
fn end(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    order: &OrderState,
    status: MedicationRequestStatus,
    control: Control,
) -> Result<(), Problem> {
    if !order.is_open() {
        return Ok(());
    }
    let version = set_status(state, facts, told, order, status)?;
    tell(facts, &told.patient, control, version);
    Ok(())
}
