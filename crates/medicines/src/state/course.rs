//! The doses of an order over time: one, or several that follow one another.

use fhir::resources::MedicationRequest;
use fhir::types::{Dosage, Period};
use jiff::{SignedDuration, Timestamp};

use super::Step;
use super::fold_resource::{dose, doses, maximum, schedule};
use crate::Quantity;
use crate::orders::length;

/// The most steps of a taper that the state keeps.
const MAX_STEPS: usize = 64;

fn period(dosage: &Dosage) -> Option<&Period> {
    dosage.timing.as_ref()?.repeat.as_ref()?.bounds_period.as_ref()
}

fn start(dosage: &Dosage) -> Option<Timestamp> {
    Some(period(dosage)?.start.as_ref()?.lower())
}

fn end(dosage: &Dosage) -> Option<Timestamp> {
    Some(period(dosage)?.end.as_ref()?.upper())
}

/// When the doses of an order begin and end.
pub(super) fn bounds(order: &MedicationRequest) -> (Option<Timestamp>, Option<Timestamp>) {
    match length(order) {
        // An end that is told to the second is the end of that second.
        Some((start, end)) => (Some(start), end.checked_add(SignedDuration::from_secs(1)).ok()),
        None => bounds_of(&order.dosage_instruction),
    }
}

/// When the first of all doses begins and the last one ends; none where one of them has no bound.
fn bounds_of(dosages: &[Dosage]) -> (Option<Timestamp>, Option<Timestamp>) {
    let all = |bound: fn(&Dosage) -> Option<Timestamp>| -> Option<Vec<Timestamp>> {
        dosages.iter().map(bound).collect()
    };
    let first = all(start).and_then(|starts| starts.into_iter().min());
    let last = all(end).and_then(|ends| ends.into_iter().max());
    (first, last)
}

/// The dosages that go together with the first one.
pub(super) fn of_first(dosages: &[Dosage]) -> &[Dosage] {
    let Some(first) = dosages.first() else { return dosages };
    let others = dosages.iter().position(|other| !is_together(first, other));
    &dosages[..others.unwrap_or(dosages.len())]
}

fn is_together(one: &Dosage, other: &Dosage) -> bool {
    (start(one), end(one)) == (start(other), end(other))
}

/// One dose, the high end of a range. Several timings with different doses at the same time are
/// not one dose: what may be taken then is for a person to say.
pub(super) fn one_dose(dosages: &[Dosage]) -> Option<Quantity> {
    let first = dose(dosages.first()?)?;
    dosages.iter().all(|other| dose(other).as_ref() == Some(&first)).then_some(first)
}

/// The steps of a taper: dosages with times of their own. `None` where all go together.
pub(super) fn steps(dosages: &[Dosage]) -> Option<Box<[Step]>> {
    let mut rest = dosages;
    let mut steps: Vec<Step> = Vec::new();
    while let Some(first) = rest.first() {
        let together = of_first(rest);
        steps.push(Step {
            start: start(first),
            end: end(first),
            dose: one_dose(together),
            schedule: schedule(first),
            maximum: maximum(first),
            doses: doses(first),
        });
        rest = &rest[together.len()..];
        if steps.len() == MAX_STEPS {
            break;
        }
    }
    (steps.len() > 1).then(|| steps.into())
}
