//! `witness-needed`: a second, different person stands by where the item needs one.

use access::Right;

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    if !question.item.needs_witness() {
        return Ok(());
    }
    let witness = question.witness.filter(|witness| *witness != question.user);
    let witness = witness.and_then(|witness| question.site.person(witness));
    access::allow(witness, Right::Witness).map(drop).map_err(|_| {
        let text = "This item needs a second, different person who may witness.";
        Refusal::new(RefusalCode::WitnessNeeded, text)
    })
}
