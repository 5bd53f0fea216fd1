//! Looks at patient data: each is in the journal before the answer goes out.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::Command;
use fhir::{Id, ResourceType};
use medicines::{Access, Request};
use tokio::task::JoinSet;

use crate::door::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

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
    let channel: Arc<str> = Arc::from(look.channel);
    let now = api.engine.clock().now();
    let one = |patient: Option<Id>| {
        let access = Access {
            who: who.to_owned(),
            what: look.what.to_owned(),
            patient,
            resource_type: look.resource_type,
            detail: Some(look.detail.clone()),
            reason: None,
            at: now,
        };
        let mut command = Command::internal(who, now, Request::See(access));
        command.channel = Arc::clone(&channel);
        command
    };
    let mut patients = look.patients.iter().cloned();
    let first = one(patients.next());
    // Submitted together, the looks of one answer share one write.
    let mut others = JoinSet::new();
    for patient in patients {
        let (api, command) = (api.clone(), one(Some(patient)));
        others.spawn(async move { api.submit(command).await.map(|_| ()) });
    }
    api.submit(first).await?;
    while let Some(done) = others.join_next().await {
        done.map_err(|_| Problem::internal())??;
    }
    Ok(())
}
