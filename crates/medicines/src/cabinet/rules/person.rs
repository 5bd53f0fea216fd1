//! `user-not-allowed`, `user-not-trained`: the person's role carries the right, and the person has
//! the training that the item needs.

use access::{Grant, Right};

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};
use crate::formulary::Item;
use crate::site::Site;

/// The person's right to take medicines, as what a permit is made of.
pub(in crate::cabinet) fn grant(question: &Question<'_>) -> Result<Grant, Refusal> {
    access::allow(question.site.person(question.user), Right::RemoveMedicine)
        .map_err(|denial| Refusal::new(RefusalCode::UserNotAllowed, &format!("{denial}.")))
}

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    grant(question).map(drop)
}

pub(super) fn training(question: &Question<'_>) -> Result<(), Refusal> {
    if is_trained(question.site, question.item, question.user) {
        return Ok(());
    }
    let text = "This item needs a training that the person does not have.";
    Err(Refusal::new(RefusalCode::UserNotTrained, text))
}

/// Whether somebody has the training that an item needs.
fn is_trained(site: &Site, item: &Item, person: &str) -> bool {
    let Some(needed) = &item.training else { return true };
    site.person(person).is_some_and(|person| person.training.contains(needed))
}
