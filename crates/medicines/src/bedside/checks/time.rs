//! Right time: not before the interval and not above the maximum, and not late.
//!
//! A critical medicine is late after the narrow window, any other after the wide one.

use jiff::SignedDuration;

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};
use crate::cabinet::refusal::not_covered;
use crate::orders::{LiveOrder, NotCovered, Wanted};
use crate::state::Schedule;

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let Bedside { scan, site, item, order, .. } = bedside;
    let taken = bedside.dose.map_or(bedside.scanned, |dose| dose.taken.min(bedside.scanned));
    let wanted =
        Wanted { site, item, units: taken, recent: bedside.recent, dictionary: bedside.dictionary };
    // An order that is not live is told by its own check.
    let Ok(live) = LiveOrder::check(order, scan.activity, &site.policies) else {
        return Vec::new();
    };
    match live.covers(&wanted) {
        Ok(_) => late(bedside),
        Err(why) => {
            let refusal = not_covered(why);
            let (check, outcome) = match why {
                NotCovered::TooEarly(_) => ("time", Outcome::BlockWithWitness),
                NotCovered::MaximumReached | NotCovered::CourseOver => ("time", Outcome::Block),
                NotCovered::QuantityExceedsDose | NotCovered::NotTold(_) => {
                    ("dose", Outcome::Block)
                }
            };
            found(check, refusal.code.as_str(), outcome, &refusal.text)
        }
    }
}

/// A dose whose time has passed: by the last one and the interval, or by the start of the order.
fn late(bedside: &Bedside<'_>) -> Vec<Finding> {
    let Bedside { scan, site, item, order, .. } = bedside;
    let schedule = order.step_at(scan.activity).map(|step| step.schedule);
    let Some(Schedule::Every(interval) | Schedule::Daily(interval)) = schedule else {
        return Vec::new();
    };
    let last = order.taken.last().map(|taken| taken.at);
    let next = last.and_then(|last| last.checked_add(SignedDuration::from_secs(interval)).ok());
    let Some(due) = next.or(order.start) else { return Vec::new() };
    let policies = &site.policies;
    let window =
        if item.critical { policies.critical_window_min } else { policies.late_window_min };
    if scan.activity.duration_since(due) <= SignedDuration::from_mins(i64::from(window)) {
        return Vec::new();
    }
    if scan.reason.is_none() && item.critical {
        let text = "This critical medicine is late: say why.";
        return found("time", "late-reason-missing", Outcome::Block, text);
    }
    found("time", "late", Outcome::Warn, "The time of this dose has passed.")
}
