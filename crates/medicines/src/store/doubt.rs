//! Resources that are stored although they are not valid: somebody has to look at who sends them.

use std::sync::Arc;

use super::write::Writing;
use super::{Done, Effect};
use crate::cases::{Case, CaseKind};

/// What an edge found wrong with a resource that it has stored all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The step, counted from 0.
    pub step: usize,
    /// What is wrong and where, in words that hold no patient data.
    pub text: String,
}

/// Opens a case for what was stored in doubt. One case for each client and type stays open for all
/// of it and counts it, so that a client that sends many does not bury the other cases.
pub(super) fn tell(writing: &mut Writing<'_>, doubts: &[Doubt], done: &[Option<Done>]) {
    let mut cases: Vec<Case> = Vec::new();
    for doubt in doubts {
        let Some(Some(done)) = done.get(doubt.step) else { continue };
        if !matches!(done.effect, Effect::Created | Effect::Updated) {
            continue;
        }
        let kind = done.resource_type.as_str();
        let known = cases.iter().position(|case| case.reason == kind);
        let mut case = match known {
            Some(known) => cases.swap_remove(known),
            None => open(writing, kind),
        };
        // The case leads to the newest entry; the older ones have the tag.
        case.entry = writing.facts.ctx.seq;
        case.count = Some(case.count.unwrap_or(0).saturating_add(1));
        case.text = format!(
            "The client sends resources of the type {kind} that are not valid; they are stored, \
             with the tag not-valid. The last one is {kind}/{}: {}",
            done.id, doubt.text
        );
        cases.push(case);
    }
    for case in cases {
        writing.facts.open(case);
    }
}

/// The open case of the client and the type, or a new one.
fn open(writing: &mut Writing<'_>, kind: &str) -> Case {
    let client = writing.client().to_owned();
    let same = |case: &&Arc<Case>| {
        case.kind == CaseKind::InvalidResource
            && case.reason == kind
            && case.person.as_deref() == Some(&client)
    };
    if let Some(known) = writing.state.open_cases().find(same) {
        return (**known).clone();
    }
    let case = writing.facts.case_beside(CaseKind::InvalidResource, kind, "");
    Case { channel: Some(writing.facts.ctx.source.clone()), person: Some(client), ..case }
}
