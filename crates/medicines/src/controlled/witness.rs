//! The second person: signs for one act, from a client of its own, for a short time and once.

use std::sync::Arc;

use access::Right;
use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::act::{Act, Entering, Second, Signing};
use super::enter::item_of;
use super::fact::{ControlledFact, Seen};
use crate::cases::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::fact::{Access, Fact};
use crate::facts::{Facts, problem};
use crate::state::State;

/// The most signatures that wait to be used at one time.
pub(crate) const MAX_SIGNATURES: usize = 1_000;

/// A second person's signature. Its number is no secret: it is good for the act that it names
/// alone, once, until it lapses, and never from the client that signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Its number.
    pub id: Id,
    /// What was signed for.
    pub act: Act,
    /// Who signed.
    pub witness: String,
    /// The client or session with which the witness signed in.
    pub client: String,
    /// When it was signed.
    pub at: Timestamp,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// Takes a signature.
pub(super) fn sign(state: &State, ctx: &Context, signing: &Signing) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let Signing { act, witness, client } = signing.clone();
    if act.person == witness {
        let item = item_of(state, &act.deed).ok().filter(|code| site.item(code).is_some());
        return Ok(turned_away(facts, &witness, item, "witness-same-person"));
    }
    competent(&facts, &witness)?;
    let waiting = state.signatures().filter(|one| one.expires > ctx.now).count();
    if waiting >= MAX_SIGNATURES {
        return problem(ProblemCode::QueueFull, "Too many signatures wait to be used.");
    }
    let valid = SignedDuration::from_secs(i64::from(site.controlled.witness_valid_s));
    let expires = ctx.now.saturating_add(valid).unwrap_or(Timestamp::MAX);
    let id = facts.id();
    let signature = Signature { id: id.clone(), act, witness, client, at: ctx.now, expires };
    facts.controlled(ControlledFact::Signed(signature));
    Ok(facts.answer(Answer::Created(vec![id])))
}

/// Whether somebody's role lets them stand as a second person.
pub(super) fn competent(facts: &Facts<'_>, witness: &str) -> Result<(), Problem> {
    let allowed = access::allow(facts.site.person(witness), Right::Witness);
    allowed
        .map(|_| ())
        .map_err(|denial| Problem::new(ProblemCode::BadValue, format!("The witness: {denial}.")))
}

/// Nobody is a second person to themselves: it is not done, and a case says that it was tried.
pub(super) fn turned_away(
    mut facts: Facts<'_>,
    person: &str,
    item: Option<String>,
    reason: &str,
) -> Decision {
    facts.push(Fact::Refused(Access {
        who: person.to_owned(),
        what: "witness".to_owned(),
        patient: None,
        resource_type: None,
        detail: None,
        reason: Some(reason.to_owned()),
        at: facts.ctx.now,
    }));
    let text = "Somebody tried to stand as the second person for an act of their own, or from the \
                same client: find out why. Nothing was entered.";
    let mut case = facts.case(CaseKind::ControlledDrug, reason, text);
    case.person = Some(person.to_owned());
    case.item = item;
    facts.open(case);
    let text = "The second person is another one, signed in at another client.";
    facts.answer(Answer::Parked(Problem::new(ProblemCode::BadValue, text)))
}

/// Who stood by, and how.
#[derive(Debug, Clone, Default)]
pub(super) struct Stood {
    pub(super) witness: Option<String>,
    pub(super) seen: Option<Seen>,
}

/// Why nobody stood by who may.
#[derive(Debug)]
pub(super) enum NotSeen {
    /// What to tell whoever asked.
    Problem(Problem),
    /// It was the same person or the same client.
    Same(&'static str),
}

/// Looks at what stands for the second person. One who was alone has to have had a reason.
pub(super) fn second(
    state: &State,
    ctx: &Context,
    entering: &Entering,
    needed: bool,
) -> Result<Stood, NotSeen> {
    let wrong = |text: &str| Err(NotSeen::Problem(Problem::new(ProblemCode::BadValue, text)));
    match &entering.second {
        None if needed => wrong(
            "This needs a second person, who signs for it first (POST /cd/witness), or a reason \
             why there is none.",
        ),
        None => Ok(Stood::default()),
        Some(Second::Alone(reason)) if reason.trim().is_empty() => {
            wrong("Say why nobody could stand by.")
        }
        Some(Second::Alone(reason)) => {
            Ok(Stood { witness: None, seen: Some(Seen::Alone(reason.clone())) })
        }
        Some(Second::Signature(id)) => {
            let Some(signature) = state.signature(id) else {
                return wrong("No signature of this number waits to be used.");
            };
            if signature.expires <= ctx.now {
                return wrong("This signature has lapsed: the witness signs again.");
            }
            if signature.act != entering.act {
                return wrong("This signature is for another act: the witness signs for this one.");
            }
            if signature.client == entering.client {
                return Err(NotSeen::Same("witness-same-client"));
            }
            if signature.witness == entering.act.person {
                return Err(NotSeen::Same("witness-same-person"));
            }
            let (witness, id) = (signature.witness.clone(), id.clone());
            Ok(Stood { witness: Some(witness), seen: Some(Seen::Signed(id)) })
        }
    }
}

/// The case of an act that somebody did alone.
pub(super) fn alone(facts: &mut Facts<'_>, entering: &Entering, item: &str) {
    let text = "Done without a second person for the reason that was given: look whether it holds, \
                and count.";
    let mut case = facts.case(CaseKind::ControlledDrug, "sole-practitioner", text);
    case.person = Some(entering.act.person.clone());
    case.item = Some(item.to_owned());
    case.activity = Some(entering.act.activity);
    facts.open(case);
}
