//! A message that nothing here acts on, kept whole.

use std::sync::Arc;

use fhir::Id;
use fhir::types::Identifier;
use serde::{Deserialize, Serialize};

use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::patients::find_optional;
use crate::state::State;

/// A message that is taken, kept whole and not acted on.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The identifiers of the patient whom it is about, as far as they can be read.
    pub patient: Vec<Identifier>,
    /// Why it is not acted on, in words without patient data.
    pub why: &'static str,
}

/// That a message was kept and not acted on. Its bytes are those of the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The patient whom it is about, where exactly one is known by its identifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
    /// Why nothing else came of it.
    pub why: String,
}

/// Notes that the message was kept.
pub fn keep(state: &mut State, ctx: &Context, message: &Keep) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    // A message that nothing acts on needs no patient: one who is not known is simply not named.
    let patient = find_optional(state, &message.patient).ok().flatten();
    let patient = patient.map(|patient| patient.id.clone());
    facts.push(Fact::Kept(Kept { patient, why: message.why.to_owned() }));
    facts.done()
}
