//! Looks at patient data: each is in the journal before the answer goes out.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::Command;
use fhir::{Id, ResourceType};
use medicines::{Access, Answer, Request};

use crate::door::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// The most looks that are sent to the journal at once.
const MAX_TOGETHER: usize = 500;

/// What somebody is about to be shown.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) channel: &'static str,
    /// `read`, `search` or `cases`.
    pub(crate) what: &'static str,
    pub(crate) resource_type: Option<ResourceType>,
    /// The resource, or the search without its values.
    pub(crate) detail: String,
    /// The patients whose data it shows; empty when it shows nobody's.
    pub(crate) patients: BTreeSet<Id>,
}

/// Journals a look, once for each patient, so that a patient's own history tells who looked. A
/// look that showed nobody's data is journalled too.
pub(crate) async fn look(api: &ApiState, caller: &Caller, look: Look) -> Result<(), Problem> {
    look_as(api, caller.name(), look).await
}

/// The same for a client that is shown something without having asked just now.
pub(crate) async fn look_as(api: &ApiState, who: &str, look: Look) -> Result<(), Problem> {
    let Look { channel, what, resource_type, detail, patients } = look;
    let (channel, now): (Arc<str>, _) = (Arc::from(channel), api.engine.clock().now());
    let access = Access {
        who: who.to_owned(),
        what: what.to_owned(),
        patient: None,
        resource_type,
        detail: Some(detail),
        reason: None,
        at: now,
    };
    let mut accesses = access.at_each(patients);
    while !accesses.is_empty() {
        let later = accesses.split_off(accesses.len().min(MAX_TOGETHER));
        let mut command = Command::internal(who, now, Request::See(accesses));
        command.channel = Arc::clone(&channel);
        let receipt = api.submit(command).await?;
        if receipt.answer != Answer::Done {
            tracing::error!(entry = receipt.seq, "a look was not journalled as one");
            return Err(Problem::internal());
        }
        accesses = later;
    }
    Ok(())
}
