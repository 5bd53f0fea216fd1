//! A pharmacist looks at an order: verifies it, asks about it, or holds it back.
//!
//! The prescriber's system alone changes what is ordered. A pharmacist's word is about one version
//! of it: who verified is an extension of the resource, and what is asked is a case. A version that
//! was changed meanwhile has to be looked at again.

use std::sync::Arc;

use access::Right;
use fhir::Id;
use fhir::types::Extension;
use serde_json::json;

use super::change::revised;
use super::{Control, HELD_BY, VERIFIED_AT, VERIFIED_BY};
use crate::cabinet::{Refusal, RefusalCode};
use crate::cases::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Subject, tell_cabinets};
use crate::fact::Access;
use crate::facts::{Facts, problem};
use crate::resources::{self, Revision};
use crate::state::{OrderState, State};

/// What a pharmacist says of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It is right.
    Verify,
    /// The prescriber is asked about it; it stays as it is.
    Query,
    /// It must not be taken until it is changed or verified.
    Intervene,
}

/// A pharmacist's word about one version of an order.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The MedicationRequest.
    pub order: Id,
    /// The version that was looked at.
    pub version: u64,
    /// What is said.
    pub word: Word,
    /// What is asked or why it is held back, without patient data.
    pub text: Option<String>,
    /// The staff number of the pharmacist.
    pub by: String,
    /// The open questions about the order that the pharmacist saw; none where nobody says. Another
    /// pharmacist who asked meanwhile is heard first.
    pub questions: Option<Vec<Id>>,
}

/// Takes a pharmacist's word over, and tells the cabinets of the new version.
pub fn verify(state: &mut State, ctx: &Context, told: &Verification) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    if access::allow(site.person(&told.by), Right::VerifyOrder).is_err() {
        facts.refused(Access {
            who: told.by.clone(),
            what: "verify".to_owned(),
            patient: None,
            resource_type: Some(fhir::ResourceType::MedicationRequest),
            detail: Some(told.order.to_string()),
            reason: Some(RefusalCode::UserNotAllowed.as_str().to_owned()),
            at: ctx.now,
        });
        let text = "Only a pharmacist verifies orders.";
        return Ok(facts.answer(Answer::Refused(Refusal::new(RefusalCode::UserNotAllowed, text))));
    }
    let order = understood(state, told)?;
    match told.word {
        Word::Verify => {
            let mut by = Extension::new(VERIFIED_BY.to_owned());
            by.value_reference = Some(Box::new(resources::staff(&site, &told.by)));
            let mut at = Extension::new(VERIFIED_AT.to_owned());
            at.value_date_time = Some(resources::time(ctx.now));
            let changes = json!({ "extension": [by, at] }).to_string();
            let revision = Revision { changes: &changes, without: &[HELD_BY], deleted: &[] };
            next(state, &mut facts, &order, &revision)?;
            for case in asked(state, &order.id) {
                facts.close(&case, &told.by, "verified");
            }
        }
        Word::Query => open(&mut facts, told, &order, CaseKind::PharmacistQuery),
        Word::Intervene => {
            let mut by = Extension::new(HELD_BY.to_owned());
            by.value_reference = Some(Box::new(resources::staff(&site, &told.by)));
            let changes = json!({ "extension": [by] }).to_string();
            let without = &[VERIFIED_BY, VERIFIED_AT];
            let revision = Revision { changes: &changes, without, deleted: &[] };
            next(state, &mut facts, &order, &revision)?;
            open(&mut facts, told, &order, CaseKind::PharmacistIntervention);
        }
    }
    Ok(facts.done())
}

/// The order, which can still be acted on and is what was looked at.
fn understood(state: &mut State, told: &Verification) -> Result<Arc<OrderState>, Problem> {
    let Some(order) = state.order(&told.order) else {
        return problem(ProblemCode::UnknownOrder, "No order has this id.");
    };
    if !order.is_open() {
        return problem(ProblemCode::OrderState, "The order has ended.");
    }
    if order.version != told.version {
        let text = "The order was changed since it was looked at: look at it again.";
        return problem(ProblemCode::Superseded, text);
    }
    let new = |seen: &Vec<Id>| asked(state, &order.id).iter().any(|open| !seen.contains(open));
    if told.questions.as_ref().is_some_and(new) {
        let text = "A colleague asked about the order since it was looked at: look at it again.";
        return problem(ProblemCode::Superseded, text);
    }
    let wordless = told.text.as_deref().is_none_or(|text| text.trim().is_empty());
    if told.word != Word::Verify && wordless {
        return problem(ProblemCode::FieldMissing, "Say what is asked, or why it is held back.");
    }
    Ok(order)
}

/// Stores the next version and tells the cabinets of the patient's ward.
fn next(
    state: &mut State,
    facts: &mut Facts<'_>,
    order: &OrderState,
    revision: &Revision<'_>,
) -> Result<(), Problem> {
    let version = revised(state, facts, order, revision)?;
    if let Some(patient) = state.patient(&order.patient)
        && let Some(ward) = patient.ward()
    {
        let notice = Subject::of(&patient).order(Control::Change, version);
        tell_cabinets(facts, &[ward], &patient.id, &notice);
    }
    Ok(())
}

/// The open questions about an order.
fn asked(state: &State, order: &Id) -> Vec<Id> {
    let asks = |kind| matches!(kind, CaseKind::PharmacistQuery | CaseKind::PharmacistIntervention);
    let about = state.open_cases().filter(|case| case.order.as_ref() == Some(order));
    let mut ids: Vec<Id> =
        about.filter(|case| asks(case.kind)).map(|case| case.id.clone()).collect();
    ids.sort();
    ids
}

fn open(facts: &mut Facts<'_>, told: &Verification, order: &OrderState, kind: CaseKind) {
    let text = told.text.as_deref().unwrap_or_default();
    let mut case = facts.case(kind, "pharmacist", text);
    case.patient = Some(order.patient.clone());
    case.order = Some(order.id.clone());
    case.person = Some(told.by.clone());
    facts.open(case);
}
