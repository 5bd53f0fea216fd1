//! A ward asks the pharmacy for stock; a named person signs for it (Misuse of Drugs Regulations
//! 2001, regulation 14).

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::act::RequisitionDeed;
use super::enter::Told;
use super::fact::ControlledFact;
use super::place::Place;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::stock;

/// A requisition as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requisition {
    /// Its number.
    pub id: Id,
    /// The ward or the cabinet for which it is.
    pub place: Place,
    /// The local formulary code.
    pub item: String,
    /// How much was asked for.
    pub quantity: Decimal,
    /// Who signed for it.
    pub person: String,
    /// When it was signed.
    pub at: Timestamp,
    /// How much was sent.
    #[serde(default)]
    pub supplied: Decimal,
    /// The consignments that were sent, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consignments: Vec<Id>,
}

impl Requisition {
    /// Whether something of it is still to be sent.
    pub fn is_open(&self) -> bool {
        self.supplied < self.quantity
    }
}

pub(super) fn requisition(
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &RequisitionDeed,
) -> Result<Decision, Problem> {
    stock::amount(deed.quantity)?;
    match &deed.place {
        Place::Ward(_) => {}
        Place::Cabinet(cabinet) if facts.site.cabinet(cabinet).is_some() => {}
        _ => {
            let text = "A requisition is for `ward:WARD` or for a cabinet of this site.";
            return problem(ProblemCode::BadValue, text);
        }
    }
    let id = facts.id();
    let asked = Requisition {
        id: id.clone(),
        place: deed.place.clone(),
        item: deed.item.clone(),
        quantity: deed.quantity,
        person: told.entering.act.person.clone(),
        at: told.entering.act.activity.min(facts.ctx.now),
        supplied: Decimal::ZERO,
        consignments: Vec::new(),
    };
    facts.controlled(ControlledFact::Requisition(asked));
    Ok(facts.answer(Answer::Created(vec![id])))
}
