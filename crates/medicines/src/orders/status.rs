//! A new version of an order that differs in its status alone.

use fhir::resources::MedicationRequestStatus;
use serde_json::json;

use super::change::{revised, written};
use super::receive::Told;
use crate::command::Problem;
use crate::deliveries::VersionOf;
use crate::facts::Facts;
use crate::resources::{Revision, told_at};
use crate::state::{OrderState, State};

/// Sets the status with the reason that the message tells. Verification stays as it was.
pub(super) fn set_status(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    order: &OrderState,
    status: MedicationRequestStatus,
) -> Result<VersionOf, Problem> {
    if let Some(version) = written(facts, told) {
        return Ok(version);
    }
    let mut changes = json!({
        "status": status.as_str(),
        "extension": [told_at(told.activity)],
    });
    // A reason belongs to an order that is held, stopped or cancelled (UK Core).
    let deleted: &[&str] = match (&told.message.order.status_reason, status) {
        (_, MedicationRequestStatus::Active) | (None, _) => &["statusReason"],
        (Some(reason), _) => {
            changes["statusReason"] = json!(reason);
            &[]
        }
    };
    let changes = changes.to_string();
    revised(state, facts, order, &Revision { changes: &changes, deleted, without: &[] })
}
