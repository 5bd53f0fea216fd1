//! Who gives it may, and a second person checks what does harm.

use access::Right;

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let Bedside { scan, site, item, .. } = bedside;
    let person = site.person(&scan.performer);
    if access::allow(person, Right::Administer).is_err() {
        let text = "This person may not give medicines.";
        return found("person", "user-not-allowed", Outcome::Block, text);
    }
    let trained =
        item.training.as_ref().is_none_or(|it| person.is_some_and(|who| who.training.contains(it)));
    if !trained {
        let text = "This medicine needs a training that the person does not have.";
        return found("person", "user-not-trained", Outcome::Block, text);
    }
    if item.high_alert || item.needs_witness() {
        let text = "This medicine needs a second person who checks it.";
        return found("person", "second-check", Outcome::BlockWithWitness, text);
    }
    Vec::new()
}
